"""What is taken for what, and which classes are lost: from the confusion matrices of records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from devbench.pages.charts import level_of, step_of
from devbench.pages.maps import Figure, Map, f1
from devbench.reports.chosen import Chosen
from devbench.results.metrics import class_f1, mean
from devbench.results.record import Record
from devbench.results.render import EMPTY, clean
from devbench.results.tables import cell_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Counts = NDArray[np.int64]

MAX_CLASSES = 25
"""Of a matrix: with more, the most frequent mistakes are listed instead."""
MAX_MISTAKES = 30
N_LOST = 3


class Mistake(NamedTuple):
    """Clips of one class that were taken for another. share: of the clips of the class."""

    true: str
    predicted: str
    n_clips: int
    share: float


@dataclass(frozen=True, slots=True)
class Confusion:
    """Answers on one device, added up over runs. counts: [true, predicted].

    table: None where there are too many classes for one. words: the same in a sentence.
    """

    name: str
    role: str
    counts: Counts
    table: Map | None
    mistakes: tuple[Mistake, ...]
    words: str


@dataclass(frozen=True, slots=True)
class ClassScores:
    """F1 of each class. table: a line per class; words: those that are lost most."""

    table: Map
    words: str


def confusions_of(chosen: Chosen) -> tuple[Confusion, ...]:
    """Return the confusions on the source devices together and on each target."""
    classes = chosen.first.classes
    found = []
    for number, (name, role, counts) in enumerate(_added_up(chosen.records)):
        mistakes = _mistakes(counts, classes)
        table = None
        if len(classes) <= MAX_CLASSES:
            table = _table(f"confusion-{number}", name, counts, classes)
        n_clips, n_wrong = int(counts.sum()), int(counts.sum() - counts.trace())
        words = f"{n_wrong} of {n_clips} clips wrong"
        if mistakes:
            words += "; most often " + ", ".join(
                f"{clean(m.true)} taken for {clean(m.predicted)} ({m.n_clips} of "
                f"{round(m.n_clips / m.share)})"
                for m in mistakes[:3]
            )
        found.append(Confusion(name, role, counts, table, mistakes, f"{words}."))
    return tuple(found)


def _added_up(records: Iterable[Record]) -> list[tuple[str, str, Counts]]:
    import numpy as np

    found: dict[tuple[int, str], Counts] = {}
    sources = {record.plan.source for record in records}
    for record in records:
        for score in record.scores:
            is_source = score.role == "source"
            name = "source devices" if is_source and len(sources) > 1 else score.device
            counts = np.array(score.confusion, np.int64)
            key = (0 if is_source else 1, name)
            found[key] = found[key] + counts if key in found else counts
    ordered = sorted(found.items(), key=lambda item: item[0][0])  # stable: targets in their order
    return [(name, "target" if place else "source", c) for (place, name), c in ordered]


def _mistakes(counts: Counts, classes: Sequence[str]) -> tuple[Mistake, ...]:
    rows: list[list[int]] = counts.tolist()
    found = [
        Mistake(classes[t], classes[p], n, n / sum(row))
        for t, row in enumerate(rows)
        for p, n in enumerate(row)
        if n and t != p
    ]
    return tuple(sorted(found, key=lambda m: (-m.n_clips, m.true, m.predicted))[:MAX_MISTAKES])


def _table(anchor: str, name: str, counts: Counts, classes: Sequence[str]) -> Map:
    def cell(n: int, total: int, *, is_right: bool) -> Figure:
        colour = level_of(n / total) if n else "zero"
        return Figure(str(n), f"{colour} right" if is_right else colour, n / total if total else 0)

    rows: list[list[int]] = counts.tolist()
    return Map(
        anchor=anchor,
        name=clean(name),
        columns=tuple(clean(name) for name in classes),
        rows=tuple(
            (
                clean(classes[t]),
                tuple(cell(n, sum(row), is_right=t == p) for p, n in enumerate(row)),
            )
            for t, row in enumerate(rows)
        ),
    )


def class_scores(chosen: Chosen) -> ClassScores:
    """Return the F1 of each class on source and targets, and of the baseline on the targets."""
    classes = chosen.first.classes
    own = _by_device(chosen.records)
    is_compared = all(cell_of(record) in chosen.baseline for record in chosen.records)
    is_compared &= chosen.first.plan.method.name != "baseline"
    theirs = (
        _by_device([chosen.baseline[cell_of(record)] for record in chosen.records])
        if is_compared
        else {}
    )
    targets = [key for key in own if key[0] == 1]
    sources = [key for key in own if key[0] == 0]
    columns = [name for _, name in own] + ["all targets"]
    columns += ["baseline, all targets", "gain"] if theirs else []
    rows, lost = [], []
    for place, name in enumerate(classes):
        over = mean([own[key][place] for key in targets])
        cells = [f1(own[key][place]) for key in own] + [f1(over)]
        if theirs:
            before = mean([theirs[key][place] for key in targets])
            cells += [f1(before), _gain(over, before)]
        rows.append((clean(name), tuple(cells)))
        at_home = own[sources[0]][place] if sources else None
        lost.append((over - (1.0 if at_home is None else at_home), name, at_home, over))
    table = Map("classes", "", tuple(clean(c) for c in columns), tuple(rows))
    return ClassScores(table, _lost_words(sorted(lost, key=lambda one: (one[0], one[1]))))


def _gain(own: float, before: float) -> Figure:
    value = round(round(own, 3) - round(before, 3), 3) + 0.0
    return Figure(f"{value:+.3f}", step_of(value), value)


def _lost_words(lost: Sequence[tuple[float, str, float | None, float]]) -> str:
    def words(name: str, at_home: float | None, over: float) -> str:
        home = "" if at_home is None else f"{at_home:.3f} on the source, "
        return f"{clean(name)} ({home}{over:.3f} over targets)"

    shown = [words(name, home, over) for change, name, home, over in lost[:N_LOST] if change < 0]
    if not shown:
        return "No class is lost from source to targets."
    return f"Lost most: {', '.join(shown)}."


def _by_device(records: Sequence[Record]) -> dict[tuple[int, str], list[float]]:
    """Return F1 by class of each device: over seeds and folds of a source, then over sources."""
    import numpy as np

    sources = {record.plan.source for record in records}
    found: dict[tuple[int, str], dict[str, list[list[float]]]] = {}
    for record in records:
        for score in record.scores:
            is_source = score.role == "source"
            name = "source devices" if is_source and len(sources) > 1 else score.device
            scores = class_f1(np.array(score.confusion, np.int64))
            by_source = found.setdefault((0 if is_source else 1, name), {})
            by_source.setdefault(record.plan.source, []).append(scores)
    return {
        key: _mean_lists([_mean_lists(runs) for runs in found[key].values()])
        for key in sorted(found, key=lambda key: key[0])
    }


def _mean_lists(lists: Sequence[Sequence[float]]) -> list[float]:
    return [mean(values) for values in zip(*lists, strict=True)]


def mistakes_table(confusion: Confusion) -> Map:
    """Return the list of mistakes as a table."""
    return Map(
        f"mistakes-{clean(confusion.name)}",
        "",
        ("taken for", "clips", "of the class"),
        tuple(
            (
                clean(m.true),
                (
                    Figure(clean(m.predicted)),
                    Figure(str(m.n_clips)),
                    Figure(f"{100 * m.share:.0f} %" if m.share else EMPTY),
                ),
            )
            for m in confusion.mistakes
        ),
    )
