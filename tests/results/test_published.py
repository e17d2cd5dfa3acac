from __future__ import annotations

from pathlib import Path

import pytest

from devbench.contract.access import TRACKS
from devbench.results.published import published_facts, published_rows

# methods.md 1.4: mean over the six targets and the papers' ±, as printed
PRINTED = {
    "baseline": (0.503, 0.167),
    "noise": (0.705, 0.127),
    "reverb": (0.702, 0.202),
    "pitch-shift": (0.531, 0.183),
    "spec-augment": (0.445, 0.199),
    "mixup": (0.453, 0.175),
    "filter-augment": (0.792, 0.143),
    "freq-mixstyle": (0.855, 0.038),
    "rfn": (0.820, 0.116),
    "mc-100": (0.891, 0.043),
    "mc-200": (0.907, 0.035),
    "mc-100-adapt-p50": (0.906, 0.025),
    "mc-100-adapt-p100": (0.851, 0.039),
    "mc-200-adapt-p50": (0.920, 0.022),
    "mc-200-adapt-p100": (0.886, 0.032),
    "ideal": (0.981, 0.005),
}
ROWS = {(row.table, row.method, row.source): row for row in published_rows()}


@pytest.mark.parametrize("method", PRINTED)
def test_the_papers_plus_minus_is_reproduced(method: str) -> None:
    row = ROWS["mc-table", method, "iphone14"]
    mean, plus_minus = PRINTED[method]
    assert row.n_targets == 6
    assert row.mean_targets == pytest.approx(mean, abs=0.0006)  # of cells printed to 0.001
    assert row.plus_minus == pytest.approx(plus_minus, abs=0.0006)


def test_unified_mc_like_for_like() -> None:
    real = ROWS["umc-table2", "umc-real", "iphone14"]
    assert round(real.mean_all or 0, 3) == 0.933  # what the paper prints
    assert real.mean_targets == pytest.approx(0.9255, abs=1e-6)
    assert ROWS["umc-table1a", "umc-real", "all 7"].mean_targets == pytest.approx(0.889, abs=0.0005)
    assert ROWS["umc-table1b", "umc-synth", "all 7"].mean_targets == pytest.approx(0.869, abs=5e-4)
    lggram = ROWS["umc-table1b", "umc-synth", "lggram"]
    assert round(lggram.mean_targets, 3) == 0.770
    assert (lggram.worst_target, lggram.worst_cell) == (0.668, "lggram>applewatchse")
    assert ROWS["umc-table1a", "umc-real", "all 7"].plus_minus is None


def test_every_published_cell_is_there_and_in_a_known_track() -> None:
    facts = published_facts()
    assert len(facts) == 220
    assert {fact.access for fact in facts} <= set(TRACKS)
    assert [row.track for row in published_rows()] == sorted(
        (row.track for row in published_rows()), key=TRACKS.index
    )


def test_the_copy_equals_the_given_file() -> None:
    given = Path(__file__).resolve().parents[3] / "shared" / "published" / "published.csv"
    if not given.exists():
        pytest.skip(f"{given} is not here")
    package = Path(__file__).resolve().parents[2] / "devbench" / "results" / "data"
    assert (package / "published.csv").read_bytes() == given.read_bytes()
