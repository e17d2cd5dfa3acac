"""Learning curves: loss and macro F1 on the source over epochs, as charts and as a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from devbench.pages.charts import Curves, Line, Scale, Tick
from devbench.pages.maps import Figure, Map
from devbench.results.record import Epoch, Record
from devbench.results.render import EMPTY, clean

MAX_LINES = 14
N_TICKS = 8


class Course(NamedTuple):
    """One training. number: of its line's colour and dashes."""

    name: str
    number: int
    selected: int
    epochs: tuple[Epoch, ...]


@dataclass(frozen=True, slots=True)
class Learning:
    """Courses with their charts; None where no training has two validated epochs."""

    courses: tuple[Course, ...]
    loss: Curves | None
    f1: Curves | None
    table: Map
    n_left_out: int


def learning_of(records: Sequence[Record], *, width: float, height: float) -> Learning:
    """Return the courses of all classifiers of some runs."""
    courses = _courses(records)
    drawn = [course for course in courses if len(course.epochs) > 1][:MAX_LINES]
    is_one = len(courses) == 1
    losses = [
        (course.name if not is_one else "validation", course.number, _points(course, "val_loss"))
        for course in drawn
    ]
    if is_one and drawn:
        losses.append(("training", 1, _points(drawn[0], "loss")))
    scores = [(course.name, course.number, _points(course, "val_macro_f1")) for course in drawn]
    return Learning(
        courses=tuple(courses),
        loss=_chart(losses, width=width, height=height) if drawn else None,
        f1=_chart(scores, width=width, height=height, top=1.0) if drawn else None,
        table=_table(courses),
        n_left_out=max(0, sum(len(c.epochs) > 1 for c in courses) - MAX_LINES),
    )


def _courses(records: Sequence[Record]) -> list[Course]:
    sources = list(dict.fromkeys(record.plan.source for record in records))
    n_seeds = len({(r.plan.seed, r.plan.fold) for r in records})
    found = []
    for record in records:
        plan = record.plan
        for number, model in enumerate(record.models):
            name = f"from {plan.source}"
            if n_seeds > 1:
                name += f", seed {plan.seed}" + (f", fold {plan.fold}" if plan.fold else "")
            if model.target is not None:
                name += f", for {model.target}"
            colour = number if len(sources) == 1 and len(record.models) > 1 else None
            found.append(
                Course(
                    name,
                    sources.index(plan.source) if colour is None else colour,
                    model.selected_epoch,
                    tuple(model.history),
                )
            )
    return found


def _points(course: Course, name: str) -> list[tuple[int, float]]:
    return [(epoch.epoch, float(getattr(epoch, name))) for epoch in course.epochs]


def _chart(
    lines: Sequence[tuple[str, int, list[tuple[int, float]]]],
    *,
    width: float,
    height: float,
    top: float | None = None,
) -> Curves:
    """Return lines over epochs; the axis of values begins at 0."""
    values = [value for _, _, points in lines for _, value in points]
    epochs = [epoch for _, _, points in lines for epoch, _ in points]
    steps = _steps(top if top is not None else max(*values, 1e-9))
    x = Scale(min(epochs), max(epochs), 52.0, width - 16.0)
    y = Scale(0.0, steps[-1], height - 42.0, 12.0)
    every = max(1, math.ceil((max(epochs) - min(epochs)) / N_TICKS))
    return Curves(
        x_ticks=tuple(Tick(x.place(n), str(n)) for n in range(min(epochs), max(epochs) + 1, every)),
        y_ticks=tuple(Tick(y.place(value), f"{value:g}") for value in steps),
        lines=tuple(
            Line(name, number, (" ".join(f"{x.place(e)},{y.place(v)}" for e, v in points),))
            for name, number, points in lines
        ),
    )


def _steps(top: float) -> list[float]:
    """Return round values from 0 to at least top, four to eight of them."""
    power = 10.0 ** math.floor(math.log10(top))
    step = next(s * power for s in (0.1, 0.2, 0.5, 1.0, 2.0) if top <= 6 * s * power)
    return [round(step * n, 12) for n in range(math.ceil(round(top / step, 9)) + 1)]


def _table(courses: Sequence[Course]) -> Map:
    def cells(course: Course) -> tuple[Figure, ...]:
        kept = next((e for e in course.epochs if e.epoch == course.selected), None)
        last = course.epochs[-1].epoch if course.epochs else None
        figures = [None, None, None] if kept is None else [kept.loss, kept.val_loss,
                                                           kept.val_macro_f1]  # fmt: skip
        return (
            Figure(str(course.selected)),
            Figure(EMPTY if last is None else str(last)),
            *(Figure(EMPTY if v is None else f"{v:.3f}") for v in figures),
        )

    return Map(
        anchor="learning-table",
        name="",
        columns=("kept epoch", "last epoch", "training loss", "validation loss",
                 "validation macro F1"),
        rows=tuple((clean(course.name), cells(course)) for course in courses),
    )  # fmt: skip
