"""Errors of converted clips: by hand on small arrays, and the document that holds them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devbench.errors import ContractError, DataError
from devbench.results.conversion import (
    FR_SHIFT,
    IDENTITY,
    band_means,
    bands_csv,
    clip_error,
    pair_score,
    pairs_csv,
    parse_conversion,
    score,
)
from helpers.conversions import FLOOR_DB, document


def frames(*rows: list[float]) -> np.ndarray:
    return np.array(rows, np.float32)


def test_errors_by_hand() -> None:
    real = frames([0, 0], [0, 0])
    error = clip_error(frames([1, -1], [3, 0]), real, floor_db=FLOOR_DB)
    assert error.mean_abs_db == pytest.approx(5 / 4)
    assert error.rms_db == pytest.approx((11 / 4) ** 0.5)
    assert error.band_mean_abs_db.tolist() == [2.0, 0.5]
    assert error.band_rms_db == pytest.approx([5**0.5, 0.5**0.5])


def test_clips_are_cropped_to_the_shorter_and_floored() -> None:
    longer = frames([1, 1], [-150, 1], [50, 50])
    error = clip_error(longer, frames([0, 0], [-100, 0]), floor_db=FLOOR_DB)
    assert error.mean_abs_db == pytest.approx(3 / 4)  # -150 dB counts as the floor, -100 dB
    other = clip_error(frames([0, 0], [-100, 0]), longer, floor_db=FLOOR_DB)
    assert other.mean_abs_db == pytest.approx(53 / 4)  # real clips are as they are


def test_means_are_over_bins_and_frames_then_clips_then_pairs() -> None:
    short = clip_error(frames([4, 4]), frames([0, 0]), floor_db=FLOOR_DB)
    long = clip_error(np.zeros((99, 2), np.float32), np.zeros((99, 2)), floor_db=FLOOR_DB)
    pair = pair_score("a", "b", [short, long])
    assert (pair.n_clips, pair.mean_abs_db, pair.rms_db) == (2, 2.0, 2.0)  # a clip is a clip
    other = pair_score("a", "c", [short])
    row = score("m", [pair, other])
    assert (row.mean_abs_db, row.rms_db) == (3.0, 3.0)
    assert band_means(row) == ([3.0, 3.0], [3.0, 3.0])


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 2**32 - 1)), min_size=1, max_size=4))
def test_properties(clips: list[tuple[int, int]]) -> None:
    errors, again = [], []
    for n_frames, seed in clips:
        rng = np.random.default_rng(seed)
        converted, real = rng.uniform(-90, 30, (2, n_frames, 5)).astype(np.float32)
        errors.append(clip_error(converted, real, floor_db=FLOOR_DB))
        assert clip_error(real, real, floor_db=FLOOR_DB).rms_db == 0.0
        again.append(clip_error(real, converted, floor_db=FLOOR_DB))
    pair, back = pair_score("a", "b", errors), pair_score("b", "a", again)
    assert pair.mean_abs_db == pytest.approx(back.mean_abs_db)
    assert 0 <= pair.mean_abs_db <= pair.rms_db + 1e-9
    assert np.mean(pair.band_mean_abs_db) == pytest.approx(pair.mean_abs_db)
    assert np.mean(pair.band_rms_db) <= pair.rms_db + 1e-9


def test_what_cannot_be_compared_is_refused() -> None:
    for converted in (frames([0, 0, 0]), np.zeros((0, 2), np.float32)):
        with pytest.raises(ContractError, match="cannot be held against"):
            clip_error(converted, frames([0, 0]), floor_db=FLOOR_DB)


def test_the_ratio_is_to_fr_shift() -> None:
    found = document((IDENTITY, 8), (FR_SHIFT, 4), ("m", 3))
    assert [found.ratio_to_fr_shift(row) for row in found.rows] == [2.0, 1.0, 0.75]
    without = document((IDENTITY, 8), ("m", 3))
    assert without.ratio_to_fr_shift(without.rows[0]) is None


def test_a_document_is_read_as_it_was_written(tmp_path: Path) -> None:
    made = document((IDENTITY, 8), (FR_SHIFT, 4), ("m", 3))
    path = tmp_path / "conversion.json"
    path.write_bytes(made.to_json())
    assert parse_conversion(path) == made
    assert json.loads(path.read_bytes())["schema"] == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(schema=2), "newer"),
        (lambda d: d.update(more=1), "unknown key"),
        (lambda d: d["rows"][1].update(mean_abs_db=1.0), "is not the mean over the pairs"),
        (lambda d: d["rows"][0]["pairs"].pop(), "mean over|the same pairs"),
        (lambda d: d["rows"][0]["pairs"][0].update(n_clips=2), "the same pairs"),
        (lambda d: d["rows"][0]["pairs"][1].update(target="b"), "twice"),
        (lambda d: d["rows"][0].update(name="m"), "twice"),
        (lambda d: d["rows"][0]["pairs"][0].update(band_rms_db=[1.0]), "one error per bin"),
        (lambda d: d["rows"][0]["pairs"][0].update(rms_db=-1.0), "greater than or equal"),
    ],
)
def test_a_document_that_was_changed_is_refused(change, words: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    content = json.loads(document((IDENTITY, 8), ("m", 4)).to_json())
    change(content)
    path = tmp_path / "conversion.json"
    path.write_text(json.dumps(content))
    with pytest.raises(DataError) as error:
        parse_conversion(path)
    assert any(word in str(error.value) for word in words.split("|"))


def test_tables_have_a_line_per_pair_and_per_bin() -> None:
    made = document((IDENTITY, 8), ("m", 3))
    pairs = list(csv.DictReader(io.StringIO(pairs_csv(made))))
    assert [(r["row"], r["target"], float(r["mean_abs_db"])) for r in pairs] == [
        ("identity", "b", 8), ("identity", "c", 8), ("m", "b", 3), ("m", "c", 3),
    ]  # fmt: skip
    bands = list(csv.DictReader(io.StringIO(bands_csv(made))))
    assert len(bands) == 2 * 2 * 2
    assert bands[1]["centre_hz"] == "200.00" and float(bands[1]["rms_db"]) == 8
