"""Comparisons: pairs, signs, Holm, bands; equal methods are not told apart, unequal ones are."""

from __future__ import annotations

import numpy as np
import pytest

from devbench.errors import DataError
from devbench.results.comparison import (
    bands,
    comparable,
    compare,
    holm,
    mean_with_interval,
    shared,
    sign_test,
    whole_seeds,
)
from devbench.results.record import Record
from devbench.results.resampling import Resampled, resample
from devbench.results.tables import Cell
from helpers.records import make_run, sha
from helpers.simulated import events_of, simulated

DEVICES = np.array([-0.5, 0.0, 0.5])


def grid(
    key: int, skill: float, *, seeds: int = 3, sources: str = "pqr", fold: int = 0
) -> dict[Cell, Resampled]:
    """Return runs of a method on events that depend on key alone."""
    ease = events_of(np.random.default_rng(key), 4, 8)
    rng = np.random.default_rng([key, round(1000 * skill)])
    return {
        Cell(source, seed, fold): resample(
            simulated(rng, ease, n_classes=4, skill=skill, device_ease=DEVICES, seed_sd=0.2),
            n_draws=300,
        )
        for source in sources
        for seed in range(seeds)
    }


def test_better_methods_are_found_and_the_order_of_names_does_not_matter() -> None:
    methods = {"good": grid(1, 2.0), "poor": grid(1, 0.5)}
    forth = compare(methods)[0]
    back = compare(dict(reversed(methods.items())))[0]
    assert forth.better == back.better == "good"
    assert forth.difference.estimate == pytest.approx(-back.difference.estimate)
    assert forth.p == back.p
    assert forth.n_pairs == 9
    means = {name: mean_with_interval(runs).estimate for name, runs in methods.items()}
    assert forth.difference.estimate == pytest.approx(means["good"] - means["poor"])


def test_signs_are_drawn_once_for_all_pairs_of_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty-six methods are 630 pairs: drawn for each, signs were most of a ranking's time."""
    drawn = []
    rng = np.random.default_rng
    differences = [0.01 * k for k in range(17)]
    first = sign_test(differences)
    monkeypatch.setattr(np.random, "default_rng", lambda key: drawn.append(key) or rng(key))
    assert sign_test(differences) == first
    assert not drawn
    sign_test(differences[:14])
    sign_test(differences[1:15])
    assert drawn == [14]


def test_equal_methods_are_seldom_told_apart() -> None:
    """1,000 data sets: tests/campaigns/intervals.py. Here 100; 11 are 2.7 SD above 5."""
    wrong = sum(
        compare({"a": grid(key, 1.0), "b": grid(key, 1.0001)})[0].better is not None
        for key in range(100)
    )
    assert wrong <= 11


def test_too_few_runs_tell_nothing_apart() -> None:
    one = compare({"good": grid(2, 4.0, seeds=1), "poor": grid(2, 0.0, seeds=1)})[0]
    assert one.difference.low > 0.1
    assert (one.n_pairs, one.p_least, one.better) == (3, 0.25, None)


def test_only_cells_that_all_methods_have_are_compared() -> None:
    more = {**grid(3, 2.0), **grid(3, 2.0, sources="x", seeds=2)}
    found = compare({"more": more, "less": grid(3, 1.0, seeds=2)})[0]
    assert found.n_pairs == 6
    with pytest.raises(DataError, match="in common"):
        compare({"a": grid(3, 1.0, sources="p"), "b": grid(3, 1.0, sources="q")})


def test_seeds_that_lack_a_source_are_left_out() -> None:
    cells = [Cell("p", 0, 0), Cell("q", 0, 0), Cell("p", 1, 0)]
    assert whole_seeds(cells) == cells[:2]


def test_signs() -> None:
    assert sign_test([1.0] * 5) == (2 / 32, 2 / 32)
    assert sign_test([1.0, -1.0]) == (1.0, 0.5)
    assert sign_test([0.0] * 4)[0] == 1.0
    p, least = sign_test([0.1] * 40)
    assert p == least == 1 / 20_000
    values = np.random.default_rng(5).normal(0.3, 1, 40)
    from scipy.stats import ttest_1samp

    assert sign_test(values.tolist())[0] == pytest.approx(ttest_1samp(values, 0).pvalue, abs=0.02)


def test_holm_is_the_published_correction() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []
    assert holm([0.9, 0.9]) == [1.0, 1.0]


def test_bands_leave_room_for_what_is_not_told_apart() -> None:
    found = compare({"a": grid(6, 4.0), "b": grid(6, 3.9999), "c": grid(6, 0.0)})
    assert bands(["a", "b", "c"], found) == {"a": (1, 2), "b": (1, 2), "c": (3, 3)}


def record_at(minute: int, **plan: object) -> Record:
    record = make_run(**plan).record  # type: ignore[arg-type]
    return record.model_copy(update={"measured": {"started_at": f"2026-01-01T00:{minute:02d}"}})


def chosen(*records: Record, methods: tuple[str, ...] = ("baseline", "ideal"), **of: str) -> object:
    wanted = {"benchmark_sha256": sha("sim7"), "budget": "quick", "backbone": "small-cnn", **of}
    return comparable(records, methods, **wanted)


def test_only_runs_that_differ_in_the_method_alone_are_comparable() -> None:
    base, ideal = record_at(1, method="baseline"), record_at(2, method="ideal")
    cell = Cell("iphone14", 0, 0)
    others = [
        record_at(9, method="baseline", backbone="resnet18"),
        record_at(9, method="baseline", budget="paper"),
        record_at(9, method="baseline", benchmark="mics7"),
        record_at(9, method="baseline", opened=["x"], options={"x": 1}),
        record_at(9, method="baseline", is_file=True),
        record_at(9, method="rfn"),
    ]
    narrow = base.plan.backbone.model_copy(update={"options": {"width": 8}, "opened": ["width"]})
    others.append(
        base.model_copy(update={"plan": base.plan.model_copy(update={"backbone": narrow})})
    )
    assert chosen(base, ideal, *others) == ({"baseline": {cell: base}, "ideal": {cell: ideal}}, [])
    found, _ = comparable(
        others,
        ["baseline"],
        benchmark_sha256=sha("sim7"),
        budget="quick",
        backbone="small-cnn width=8",
    )
    assert found == {"baseline": {cell: others[-1]}}


def test_older_code_and_another_corpus_are_left_out_and_named() -> None:
    old, new = (record_at(n, method="baseline", code_sha256=sha(str(n))) for n in (1, 2))
    again = record_at(3, method="baseline", code_sha256=sha("2"), threads=4)
    ideal = record_at(4, method="ideal")
    elsewhere = record_at(0, method="baseline", corpus_fingerprint=sha("another"))
    found, left_out = comparable(
        [again, ideal, elsewhere, new, old],
        ["baseline", "ideal"],
        benchmark_sha256=sha("sim7"),
        budget="quick",
        backbone="small-cnn",
    )
    assert list(found["baseline"].values()) == [again], "of equal cells the newest"
    assert len(left_out) == 2
    assert "another than the newest" in left_out[0]
    assert "1 runs of other code" in left_out[1]
    with pytest.raises(DataError, match="no run of 'rfn'"):
        chosen(old, methods=("baseline", "rfn"))


def test_shared_cells_alone_are_kept() -> None:
    long, short = dict.fromkeys(grid(7, 1.0, seeds=1), 1), dict.fromkeys(grid(7, 1.0, seeds=2), 2)
    assert shared({"a": long, "b": short}) == {"a": long, "b": dict.fromkeys(long, 2)}
