"""How each device is classified: macro F1 with its interval, beside the bounds of the same cells.

Means follow the tables: seeds and folds of a source first, then sources. A bound stands beside a
score only where every run of it has its sibling.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from devbench.errors import DevbenchError
from devbench.pages.charts import Strip, strip_scale
from devbench.pages.detail import detail_of
from devbench.reports.chosen import Chosen
from devbench.results.answers import Answers
from devbench.results.comparison import mean_with_interval
from devbench.results.metrics import gap_closed, mean
from devbench.results.record import Record
from devbench.results.resampling import Interval, Resampled, resample
from devbench.results.tables import Cell, cell_of

if TYPE_CHECKING:
    from devbench.results.store import Store

SOURCE = "source"
TARGETS = "mean_targets"


class Line(NamedTuple):
    """One device, or a mean over devices. interval: 95 %, None where answers are not at hand.

    name: of a device, SOURCE for the source devices of several runs, TARGETS for the mean.
    """

    name: str
    role: str
    f1: float
    interval: tuple[float, float] | None
    baseline: float | None
    ideal: float | None
    n_clips: int | None
    strip: Strip


@dataclass(frozen=True, slots=True)
class Scores:
    """The lines of a report: source, targets in their order, the mean over targets.

    missing: why there is no interval, in words, else ''. by_cell: macro F1 by (source, device).
    low: where the axis of the strips begins.
    """

    lines: tuple[Line, ...]
    mean: Line
    worst: Line
    gap: float | None
    n_seeds: int
    missing: str
    by_cell: Mapping[tuple[str, str], float]
    low: float

    @property
    def shown(self) -> tuple[Line, ...]:
        """Return the lines of the table, the mean last."""
        return (*self.lines, self.mean)

    @property
    def targets(self) -> tuple[Line, ...]:
        """Return the lines of single targets."""
        return tuple(line for line in self.lines if line.role == "target")


class _Raw(NamedTuple):
    name: str
    role: str
    f1: float
    interval: tuple[float, float] | None
    baseline: float | None
    ideal: float | None
    n_clips: int | None


def scores_of(chosen: Chosen, store: Store) -> Scores:
    """Return the scores of the runs; what cannot be read costs the intervals alone."""
    records = chosen.records
    runs, missing = _answers(records, store)
    before, best = _bound(records, chosen.baseline), _bound(records, chosen.ideal)
    own = _means(records)
    devices = _devices(records)
    raw = [
        _Raw(
            name,
            role,
            own[role, name],
            _interval(runs, role, name),
            before.get((role, name)),
            best.get((role, name)),
            _clips(records, role, name),
        )
        for role, name in devices
    ]
    average = _Raw(
        TARGETS,
        "mean",
        _targets(records),
        _interval(runs, "mean", TARGETS),
        _targets([chosen.baseline[cell_of(r)] for r in records]) if before else None,
        _targets([chosen.ideal[cell_of(r)] for r in records]) if best else None,
        None,
    )
    every = [*raw, average]
    axis = strip_scale(
        v for one in every for v in (one.f1, one.baseline, one.interval and one.interval[0])
    )

    def line(one: _Raw) -> Line:
        low, high = one.interval or (None, None)
        places = [None if v is None else axis.place(v)
                  for v in (one.f1, low, high, None, one.baseline, one.ideal)]  # fmt: skip
        return Line(*one, Strip(*places))

    lines = tuple(line(one) for one in raw)
    gap = None
    if average.baseline is not None and average.ideal is not None:
        gap = gap_closed(average.f1, average.baseline, average.ideal)
    return Scores(
        lines=lines,
        mean=line(average),
        worst=min((one for one in lines if one.role == "target"), key=lambda one: one.f1),
        gap=gap,
        n_seeds=len({r.plan.seed for r in records}),
        missing=missing,
        by_cell=detail_of(records, {r.plan.source for r in records}).by_cell,
        low=axis.low,
    )


def _devices(records: Sequence[Record]) -> list[tuple[str, str]]:
    """Return (role, name) of what is shown; the sources of several runs share a line."""
    sources = list(dict.fromkeys(r.plan.source for r in records))
    scored = {s.role for r in records for s in r.scores}
    found = []
    if "source" in scored:
        found.append(("source", sources[0] if len(sources) == 1 else SOURCE))
    targets = dict.fromkeys(s.device for r in records for s in r.scores if s.role == "target")
    return [*found, *(("target", name) for name in targets)]


def _values(record: Record) -> dict[tuple[str, str], float]:
    return {(score.role, score.device): score.macro_f1 for score in record.scores}


def _means(records: Sequence[Record]) -> dict[tuple[str, str], float]:
    """Return macro F1 by role and name: over seeds and folds of a source, then over sources."""
    one_source = len({r.plan.source for r in records}) == 1
    found: dict[tuple[str, str], dict[str, list[float]]] = {}
    for record in records:
        for (role, device), value in _values(record).items():
            name = SOURCE if role == "source" and not one_source else device
            by_source = found.setdefault((role, name), {})
            by_source.setdefault(record.plan.source, []).append(value)
    return {
        key: mean([mean(values) for values in by_source.values()])
        for key, by_source in found.items()
    }


def _targets(records: Iterable[Record]) -> float:
    by_source: dict[str, list[float]] = {}
    for record in records:
        by_source.setdefault(record.plan.source, []).append(record.summary.mean_targets)
    return mean([mean(values) for values in by_source.values()])


def _bound(
    records: Sequence[Record], siblings: Mapping[Cell, Record]
) -> dict[tuple[str, str], float]:
    if any(cell_of(record) not in siblings for record in records):
        return {}
    return _means([siblings[cell_of(record)] for record in records])


def _clips(records: Sequence[Record], role: str, name: str) -> int:
    return sum(
        score.n_clips
        for record in records
        for score in record.scores
        if score.role == role and name in (score.device, SOURCE)
    )


Runs = Mapping[tuple[str, str], Mapping[Cell, Resampled]]


def _answers(records: Sequence[Record], store: Store) -> tuple[Runs, str]:
    """Return resampled runs by role and name, or why there are none."""
    one_source = len({r.plan.source for r in records}) == 1
    found: dict[tuple[str, str], dict[Cell, Resampled]] = {}
    try:
        for record in records:
            stored = store.logits(record)
            if stored.scores(source=record.plan.source) != record.scores:
                return {}, (
                    f"run {record.run_id[:12]}: its logits give other figures than its record; "
                    "devbench verify says more"
                )
            cell = cell_of(record)
            found.setdefault(("mean", TARGETS), {})[cell] = resample(
                Answers.of(stored, source=record.plan.source)
            )
            every = Answers.of(stored, source="")  # no device has that name: all of them
            for place, score in enumerate(record.scores):
                is_shared = score.role == "source" and not one_source
                name = SOURCE if is_shared else score.device
                found.setdefault((score.role, name), {})[cell] = resample(every.on([place]))
    except DevbenchError as error:
        return {}, f"{error.what}; {error.fix}"
    return found, ""


def _interval(runs: Runs, role: str, name: str) -> tuple[float, float] | None:
    held = runs.get((role, name))
    if not held:
        return None
    found: Interval = mean_with_interval(held)
    return max(0.0, found.low), min(1.0, found.high)
