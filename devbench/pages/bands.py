"""Quantile bands over frequency: the chart of what a method adds, and its table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from devbench.pages.added import QUANTILES, Added
from devbench.pages.charts import Scale, Tick, frequency_ticks, level_ticks
from devbench.pages.maps import Figure, Map

N_COLUMNS = 6


class Bands(NamedTuple):
    """A chart: polygons of 5 to 95 % and of 25 to 75 %, the median's polyline, where 0 dB is."""

    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    outer: str
    inner: str
    median: str
    zero: float


class AddedView(NamedTuple):
    """The chart of one method and the same figures as a table."""

    name: str
    bands: Bands
    table: Map


def added_view(anchor: str, name: str, added: Added, *, width: float, height: float) -> AddedView:
    """Return the chart and the table of one method."""
    every = max(1, math.ceil(len(added.hz) / N_COLUMNS))
    places = range(every // 2, len(added.hz), every)
    table = Map(
        anchor=anchor,
        name=name,
        columns=tuple(f"{added.hz[place]:.0f} Hz" for place in places),
        rows=tuple(
            (f"{100 * share:.0f} %", tuple(_figure(row[place]) for place in places))
            for share, row in zip(QUANTILES, added.db, strict=True)
        ),
    )
    return AddedView(name, _bands(added, width=width, height=height), table)


def _bands(added: Added, *, width: float, height: float) -> Bands:
    values = [value for row in added.db for value in row]
    low_db, high_db = min(-5.0, *values), max(5.0, *values)
    y_marks = level_ticks(low_db, high_db)
    x = Scale(added.hz[0], added.hz[-1], 52.0, width - 16.0, is_log=True)
    y = Scale(min(low_db, y_marks[0]), max(high_db, y_marks[-1]), height - 42.0, 12.0)

    def points(row: Sequence[float]) -> list[str]:
        return [f"{x.place(hz)},{y.place(db)}" for hz, db in zip(added.hz, row, strict=True)]

    def between(low: int, high: int) -> str:
        return " ".join([*points(added.db[low]), *reversed(points(added.db[high]))])

    return Bands(
        x_ticks=frequency_ticks(x),
        y_ticks=tuple(Tick(y.place(db), f"{db}") for db in y_marks),
        outer=between(0, 4),
        inner=between(1, 3),
        median=" ".join(points(added.db[2])),
        zero=y.place(0.0),
    )


def _figure(value: float) -> Figure:
    return Figure(f"{round(value, 1) + 0.0:+.1f}", "", value)
