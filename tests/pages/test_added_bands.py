"""What methods add: quantile bands from records, and no record that holds another form."""

from __future__ import annotations

import math
from typing import Any

import pydantic
import pytest

from devbench.pages.added import QUANTILES, added_of
from devbench.pages.bands import added_view
from devbench.results.record import AddedLevel, Record
from helpers.pages import Parsed, page_of, records_of
from helpers.records import make_run

HZ = [100.0, 400.0, 1600.0, 6400.0]


def entry(**change: Any) -> dict[str, Any]:
    db = [[10 * share + band for band in range(4)] for share in QUANTILES]
    return {"hz": HZ, "quantiles": list(QUANTILES), "db": db} | change


def adding(record: Record, *entries: Any) -> Record:
    """Return the record with a classifier for each entry."""
    models = [
        record.models[0].model_copy(
            update={"added_db": None if one is None else AddedLevel.model_validate(one)}
        )
        for one in entries
    ]
    return record.model_copy(update={"models": models})


def test_runs_are_averaged_and_those_without_are_left_out() -> None:
    record = make_run().record
    twice = entry(db=[[2 * value for value in row] for row in entry()["db"]])
    added = added_of([adding(record, entry(), None), record, adding(record, twice)])
    assert added is not None
    assert added.hz == tuple(HZ)
    for found, once in zip(added.db, entry()["db"], strict=True):
        assert found == pytest.approx([1.5 * value for value in once])
    other = adding(record, entry(hz=[1.0, 2.0, 3.0, 4.0], db=twice["db"]))
    few = adding(record, entry(quantiles=[0.5], db=[[1.0] * 4]))
    assert added_of([few, adding(record, entry()), other]) == added_of([adding(record, entry())])
    assert added_of([record, few]) is None


@pytest.mark.parametrize(
    "bad",
    [
        7,
        {},
        entry(quantiles=[0.5]),
        entry(quantiles=[2.0, *QUANTILES[1:]]),
        entry(more=1),
        entry(hz=[]),
        entry(hz=HZ[::-1]),
        entry(hz=[0.0, *HZ[1:]]),
        entry(hz=["100", *HZ[1:]]),
        entry(hz=list(map(float, range(1, 999)))),
        entry(db=[[1.0] * 4] * 4),
        entry(db=[[1.0] * 3] * 5),
        entry(db=[[True] * 4] * 5),
        entry(db=[[math.inf] * 4] * 5),
        entry(db=[[1e6] * 4] * 5),
        entry(db="<script>"),
    ],
)
def test_a_record_that_holds_another_form_is_refused(bad: Any) -> None:
    with pytest.raises(pydantic.ValidationError):
        AddedLevel.model_validate(bad)


def test_bands_lie_in_each_other_and_around_the_median() -> None:
    added = added_of([adding(make_run().record, entry())])
    assert added is not None
    view = added_view("a", "method", added, width=640.0, height=340.0)

    def heights(points: str) -> list[float]:
        return [float(point.split(",")[1]) for point in points.split()]

    outer, inner, median = map(heights, (view.bands.outer, view.bands.inner, view.bands.median))
    below, above = outer[:4], outer[4:][::-1]
    assert all(
        a > b > c > d > e
        for a, b, c, d, e in zip(below, inner[:4], median, inner[4:][::-1], above, strict=True)
    )
    assert min(above) >= 12.0 and max(below) <= 298.0
    assert [name for name, _ in view.table.rows] == ["5 %", "25 %", "50 %", "75 %", "95 %"]
    assert [cell.text for cell in view.table.rows[2][1]] == ["+5.0", "+6.0", "+7.0", "+8.0"]


def test_the_page_shows_them_for_methods_that_add() -> None:
    records = records_of(["rfn", "gain"])
    mixed = [
        adding(record, entry()) if record.plan.method.name == "gain" else adding(record, None)
        for record in records
    ]
    assert added_captions(page_of(mixed)) == ["gain: level added, dB, quantiles over clips"]
    assert added_captions(page_of(records)) == []


def added_captions(page: str) -> list[str]:
    texts = [caption.text for caption in Parsed(page).all("caption")]
    return [text for text in texts if "level added" in text]
