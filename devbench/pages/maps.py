"""Tables of figures with colours: source by target, method by target or class, and differences."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from devbench.pages.charts import STEP_F1, level_of, step_of
from devbench.pages.detail import Detail
from devbench.pages.devices import Responses
from devbench.pages.glance import named
from devbench.results.render import EMPTY, clean
from devbench.results.tables import Row


class Figure(NamedTuple):
    """A number as it is shown, and the class of its colour; text '-' where there is none."""

    text: str
    colour: str = ""
    value: float | None = None


class Map(NamedTuple):
    """A table of figures. anchor: its id; rows: (name of the row, figures)."""

    anchor: str
    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Figure, ...]], ...]


class Difference(NamedTuple):
    """The map of first - second, and which maps may be chosen: (anchor, name), by track."""

    first: Map
    second: Map
    shown: Map
    choices: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


def f1(value: float | None) -> Figure:
    """Return an F1 as it is shown, with the colour of its level."""
    return Figure(EMPTY) if value is None else Figure(f"{value:.3f}", level_of(value), value)


def map_of(
    anchor: str,
    row: Row,
    details: Mapping[str, Detail],
    sources: Sequence[str],
    devices: Sequence[str],
) -> Map:
    """Return a row's map: a line per source, a column per device, the mean over targets last."""
    cells = details[row.run_ids[0]].by_cell
    return Map(
        anchor=anchor,
        name=named(row),
        columns=(*(clean(device) for device in devices), "mean_targets"),
        rows=tuple(
            (
                clean(source),
                (
                    *(f1(cells.get((source, device))) for device in devices),
                    f1(row.by_source.get(source)),
                ),
            )
            for source in sources
        ),
    )


def table_of(anchor: str, rows: Iterable[tuple[str, Mapping[str, float]]]) -> Map:
    """Return a table with a line per method; columns are what any of them has, in its order."""
    held = list(rows)
    columns = list(dict.fromkeys(name for _, values in held for name in values))
    return Map(
        anchor=anchor,
        name="",
        columns=tuple(clean(name) for name in columns),
        rows=tuple(
            (name, tuple(f1(values.get(column)) for column in columns))
            for name, values in held
            if values
        ),
    )


def subtract(anchor: str, first: Map, second: Map) -> Map:
    """Return the map of first - second; both have the same rows and columns."""

    def minus(one: Figure, other: Figure) -> Figure:
        if one.value is None or other.value is None:
            return Figure(EMPTY)
        value = (
            round(round(one.value, 3) - round(other.value, 3), 3) + 0.0
        )  # of what is shown; no -0
        return Figure(f"{value:+.3f}", step_of(value), value)

    return Map(
        anchor=anchor,
        name="",
        columns=first.columns,
        rows=tuple(
            (name, tuple(minus(a, b) for a, b in zip(own, other, strict=True)))
            for (name, own), (_, other) in zip(first.rows, second.rows, strict=True)
        ),
    )


def response_table(anchor: str, responses: Responses) -> Map:
    """Return gains in dB at every octave of the grid: a line per device."""
    octaves = range(0, len(responses.freq_hz), 6)
    return Map(
        anchor=anchor,
        name="",
        columns=tuple(f"{responses.freq_hz[i]:.0f} Hz" for i in octaves),
        rows=tuple(
            (clean(device), tuple(_gain(gains[i]) for i in octaves))
            for device, gains in responses.gain_db.items()
        ),
    )


def _gain(value: float) -> Figure:
    return Figure(EMPTY) if math.isnan(value) else Figure(f"{value:+.1f}", "", value)


STEPS = tuple(
    (step_of(sign * n * STEP_F1), f"{sign * n * STEP_F1:+.2f}" if n else "0")
    for sign, n in [(-1, n) for n in range(5, 0, -1)] + [(1, n) for n in range(6)]
)
"""The legend of differences: (class, text), each class up to its text in size."""
