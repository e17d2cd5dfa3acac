"""Where the marks of a chart stand: coordinates in units of the SVG's view box, y downwards.

Colours, sizes of text and dashes are the style sheet's; words are the template's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from devbench.pages.devices import Responses

STRIP_WIDTH, STRIP_HEIGHT = 180.0, 18.0
N_LEVELS = 20
LABEL_REACHES, LABEL_SPACE = (13.0, 21.0, 30.0), 12.0
N_STEPS = 5
STEP_F1 = 0.05


class Tick(NamedTuple):
    """A labelled place on an axis."""

    at: float
    text: str


class Scale(NamedTuple):
    """Values from low to high onto places from start to end; logarithmic where is_log."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def place(self, value: float) -> float:
        """Return where a value stands, kept within the axis, to a hundredth of a unit."""
        low, high, own = self.low, self.high, min(max(value, self.low), self.high)
        if self.is_log:
            low, high, own = math.log(low), math.log(high), math.log(own)
        share = (own - low) / (high - low)
        return round(self.start + share * (self.end - self.start), 2)


class Strip(NamedTuple):
    """A row's mean on the axis of its block, with what stands around it; None where not known."""

    mean: float | None
    low: float | None
    high: float | None
    worst: float | None
    baseline: float | None
    ideal: float | None


class Point(NamedTuple):
    """A mark with its number in the table below the chart, and where that number is written."""

    x: float
    y: float
    number: int
    label_x: float
    label_y: float


@dataclass(frozen=True, slots=True)
class Scatter:
    """Marks over two axes."""

    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    points: tuple[Point, ...]


class Line(NamedTuple):
    """A device's response: the points of polylines (broken where nothing is known)."""

    device: str
    number: int
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Curves:
    """Responses over frequency."""

    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[Line, ...]


def strip_scale(values: Iterable[float | None]) -> Scale:
    """Return an axis of F1 from the tenth below the lowest value to 1."""
    lowest = min((value for value in values if value is not None), default=0.0)
    low = max(0.0, math.floor(10 * lowest) / 10)
    return Scale(min(low, 0.9), 1.0, 6.0, STRIP_WIDTH - 6.0)


def level_of(value: float) -> str:
    """Return the class of a cell's colour: h0 for an F1 of 0 to h20 for 1."""
    return f"h{round(min(max(value, 0.0), 1.0) * N_LEVELS)}"


def step_of(difference: float) -> str:
    """Return the class of a difference's colour: d-5 to d5, d0 within a rounding of 0."""
    size = min(N_STEPS, math.ceil(round(abs(difference), 3) / STEP_F1))
    return f"d{size if difference > 0 else -size}" if size else "d0"


def scatter(values: Sequence[tuple[int, float, float]], *, width: float, height: float) -> Scatter:
    """Return marks for (number, cost above 0, F1); the cost's axis is logarithmic."""
    costs = [cost for _, cost, _ in values]
    lowest = min(f1 for _, _, f1 in values)
    x = Scale(min(costs) / 1.25, max(costs) * 1.25, 52.0, width - 16.0, is_log=True)
    y = Scale(min(0.9, math.floor(10 * lowest) / 10), 1.0, height - 42.0, 12.0)
    return Scatter(
        x_ticks=tuple(Tick(x.place(v), _short(v)) for v in _log_ticks(x.low, x.high)),
        y_ticks=tuple(Tick(y.place(n / 10), f"{n / 10:.1f}") for n in range(round(10 * y.low), 11)),
        points=_labelled([(n, x.place(cost), y.place(f1)) for n, cost, f1 in values]),
    )


def _labelled(marks: Sequence[tuple[int, float, float]]) -> tuple[Point, ...]:
    """Return marks with their numbers where they hide neither a mark nor another number.

    The nearest free place of eight directions and three distances; the first where none is free.
    """
    taken = [(x, y) for _, x, y in marks]
    found: list[Point] = []
    for number, x, y in marks:
        places = [
            (x + reach * math.cos(turn * math.pi / 4), y - reach * math.sin(turn * math.pi / 4))
            for reach in LABEL_REACHES
            for turn in (0, 2, 4, 6, 1, 3, 5, 7)
        ]
        free = (
            (at, up)
            for at, up in places
            if all(math.hypot(at - a, up - b) >= LABEL_SPACE for a, b in taken)
        )
        at, up = next(free, places[0])
        taken.append((at, up))
        found.append(Point(x, y, number, round(at, 2), round(up, 2)))
    return tuple(found)


def _log_ticks(low: float, high: float) -> list[float]:
    """Return 1, 2 and 5 times powers of ten within an axis; more where these are too few."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 8)):
        found = [f * 10.0**p for p in powers for f in factors if low <= f * 10.0**p <= high]
        if len(found) >= 3:
            break
    return found[:: math.ceil(len(found) / 9)]


def _short(value: float) -> str:
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:.6g}"


def curves(responses: Responses, *, width: float, height: float) -> Curves:
    """Return a line per device over the logarithm of frequency."""
    known = [v for gains in responses.gain_db.values() for v in gains if not math.isnan(v)]
    low_db = 10 * math.floor(min(known, default=-10.0) / 10)
    high_db = max(10 * math.ceil(max(known, default=10.0) / 10), low_db + 10)
    x = Scale(responses.freq_hz[0], responses.freq_hz[-1], 52.0, width - 16.0, is_log=True)
    y = Scale(low_db, high_db, height - 42.0, 12.0)
    return Curves(
        x_ticks=frequency_ticks(x),
        y_ticks=tuple(Tick(y.place(db), f"{db}") for db in range(low_db, high_db + 1, 10)),
        lines=tuple(
            Line(device, number, _polylines(responses.freq_hz, gains, x, y))
            for number, (device, gains) in enumerate(responses.gain_db.items())
        ),
    )


def frequency_ticks(x: Scale) -> tuple[Tick, ...]:
    """Return the octaves on an axis of frequencies in Hz."""
    marks = [hz for hz in (63, 125, 250, 500, 1000, 2000, 4000, 8000) if x.low <= hz <= x.high]
    return tuple(Tick(x.place(hz), _short(hz)) for hz in marks)


def level_ticks(low_db: float, high_db: float) -> list[int]:
    """Return round levels in dB around a range: at most eight or so, 0 among them if within."""
    step = next((s for s in (5, 10, 20, 50) if high_db - low_db <= 7 * s), 100)
    return list(range(step * math.floor(low_db / step), step * math.ceil(high_db / step) + 1, step))


def _polylines(
    freq_hz: Sequence[float], gain_db: Sequence[float], x: Scale, y: Scale
) -> tuple[str, ...]:
    parts: list[list[str]] = [[]]
    for hz, db in zip(freq_hz, gain_db, strict=True):
        if math.isnan(db):
            parts.append([])
        else:
            parts[-1].append(f"{x.place(hz)},{y.place(db)}")
    return tuple(" ".join(part) for part in parts if part)
