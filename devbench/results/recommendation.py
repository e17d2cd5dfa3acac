"""Which method for which devices: the best worst target within what is known and what it costs.

The score of a run is its lowest macro F1 over the target devices that were asked for; a method's is
the mean over the seeds and folds of a source first, then over sources. Methods are held against the
best one on the sources, seeds and folds that both have (comparison.py), corrected after Holm.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from devbench.contract.access import Access
from devbench.contract.names import require_known
from devbench.errors import DataError, DevbenchError
from devbench.files import canonical_json
from devbench.results.answers import Answers
from devbench.results.comparison import (
    Comparison,
    comparable,
    compare,
    holm,
    mean_with_interval,
    whole_seeds,
)
from devbench.results.metrics import mean
from devbench.results.record import Record
from devbench.results.resampling import Interval, Resampled, resample
from devbench.results.tables import BlockKey, Cell, block_key, cell_of, fit_seconds

if TYPE_CHECKING:
    from devbench.results.certainty import AnswersOf

BASELINE = "baseline"
N_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Limits:
    """What the user has. devices: to do well on, () for all; source: () for any, as a name.

    allowed: kinds of side information at hand. max_cost: training time over the baseline's on the
    same machine; max_parameters: of all classifiers of a run.
    """

    devices: tuple[str, ...] = ()
    source: str | None = None
    allowed: frozenset[Access] = frozenset(Access) - {Access.TARGET_LABELS}
    max_cost: float | None = None
    max_parameters: int | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A method that may be used. score: its worst target; mean_targets: over the same devices.

    interval: 95 %, of score; None where answers are not at hand. worst: devices that were the
    lowest, with the number of runs in which they were. cost: None where it cannot be told.
    """

    method: str
    needs: tuple[str, ...]
    score: float
    interval: Interval | None
    mean_targets: float
    worst: tuple[tuple[str, int], ...]
    cost: float | None
    n_parameters: float
    n_runs: int
    n_seeds: int
    is_learned: bool


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The answer. candidates: best first; excluded: (method, why); against: the best minus others.

    devices, sources: what the scores are over. notes: what else is to be known.
    """

    key: BlockKey
    devices: tuple[str, ...]
    sources: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    against: Mapping[str, Comparison]
    excluded: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]

    @property
    def best(self) -> Candidate:
        """Return the method with the highest score."""
        return self.candidates[0]

    @property
    def least_p(self) -> float:
        """Return the least p that a method can reach here after the correction; 0 without any."""
        return min((min(1.0, one.p_least * len(self.against)) for one in self.against.values()),
                   default=0.0)  # fmt: skip

    @property
    def rivals(self) -> tuple[Candidate, ...]:
        """Return the methods that cannot be told apart from the best."""
        return tuple(
            one
            for one in self.candidates[1:]
            if one.method not in self.against or self.against[one.method].better is None
        )

    @property
    def with_less(self) -> tuple[Candidate, ...]:
        """Return the best method of every lesser kind of information than the best one needs."""
        found: dict[tuple[str, ...], Candidate] = {}
        for one in self.candidates:
            if set(one.needs) < set(self.best.needs):
                found.setdefault(one.needs, one)
        return tuple(found.values())


def recommend(
    records: Iterable[Record],
    answers: AnswersOf,
    limits: Limits,
    *,
    benchmark: str,
    budget: str,
    backbone: str | None = None,
) -> Recommendation:
    """Return the method with the best worst target, and why no other.

    backbone: None for that of the newest run. Raises DataError where no run fits the question or
    no method the limits, UnknownNameError for a device that is no target from that source.
    """
    key, held, notes = _block(records, benchmark, budget, backbone)
    excluded: dict[str, str] = {}
    runs, left_out = _runs(held, key, excluded)
    notes += left_out
    if limits.source is not None:
        require_known("source of these runs", limits.source,
                      sorted({cell.source for of in runs.values() for cell in of}),
                      list_command="devbench ls runs")  # fmt: skip
    tested = _tested(runs, limits.source)
    devices = tuple(
        require_known("target of these runs", name, tested, list_command="devbench ls devices")
        for name in limits.devices or tested
    )
    runs = {name: _asked(of, devices, limits.source) for name, of in runs.items()}
    sources = sorted({cell.source for of in runs.values() for cell in of})
    base = [r for r in held if r.plan.method.name == BASELINE and _is_default(r)]
    candidates: dict[str, Candidate] = {}
    resampled: dict[str, dict[Cell, Resampled]] = {}
    for name, of in runs.items():
        reason = _why_not(of, sources, limits, base)
        if reason:
            excluded[name] = reason
            continue
        cells = whole_seeds(sorted(of))
        own = {cell: of[cell] for cell in cells}
        found, why = _resampled(own, devices, answers)
        if why:
            notes.append(f"{name}: no interval: {why}")
        else:
            resampled[name] = found
        candidates[name] = _candidate(name, own, devices, base, found if not why else {})
    if not candidates:
        shown = [f"{name}: {why}" for name, why in sorted(excluded.items())]
        more = f"; and {len(shown) - N_SHOWN} more" if len(shown) > N_SHOWN else ""
        raise DataError(
            f"no method with runs is within these limits: {'; '.join(shown[:N_SHOWN])}{more}",
            fix="allow more, or run more: devbench sweep --methods all",
        )
    ordered = sorted(candidates.values(), key=lambda c: (-c.score, -c.mean_targets, c.method))
    return Recommendation(
        key=key,
        devices=devices,
        sources=tuple(sources),
        candidates=tuple(ordered),
        against=_against(ordered[0].method, resampled),
        excluded=tuple(sorted(excluded.items())),
        notes=tuple(notes),
    )


def _block(
    records: Iterable[Record], benchmark: str, budget: str, backbone: str | None
) -> tuple[BlockKey, list[Record], list[str]]:
    """Return the block of the newest run that fits, its runs, and what was left out."""
    blocks: dict[BlockKey, list[Record]] = {}
    for record in sorted(records, key=_started):
        key = block_key(record.plan)
        if (benchmark, budget) == (key.benchmark, key.budget) and backbone in (None, key.backbone):
            blocks[key] = [*blocks.pop(key, []), record]  # the newest block is the last
    if not blocks:
        raise DataError(
            f"there is no run of benchmark {benchmark!r}, budget {budget!r}"
            + (f", backbone {backbone!r}" if backbone else ""),
            fix="devbench ls runs shows what there is; devbench sweep makes more",
        )
    *others, key = blocks
    notes = [
        f"{len(blocks[other])} runs with backbone {other.backbone} on corpus {other.corpus} "
        f"{other.fingerprint[:12]} are another question"
        for other in others
    ]
    return key, blocks[key], notes


def _started(record: Record) -> tuple[str, str]:
    return str(record.measured.get("started_at", "")), record.run_id


def _is_default(record: Record) -> bool:
    plan = record.plan
    return not (plan.method.opened or plan.frontend.opened or plan.method.is_file)


def _runs(
    held: Sequence[Record], key: BlockKey, excluded: dict[str, str]
) -> tuple[dict[str, dict[Cell, Record]], list[str]]:
    """Return the runs of every method by cell; those with open options are excluded."""
    names = {record.plan.method.name for record in held}
    plain = {record.plan.method.name for record in held if _is_default(record)}
    for name in names - plain:
        excluded[name] = "only runs with open options, or from a file that nobody else has"
    if not plain:
        return {}, []
    return comparable(
        held,
        sorted(plain),
        benchmark_sha256=key.benchmark_sha256,
        budget=key.budget,
        backbone=key.backbone,
    )


def _tested(runs: Mapping[str, Mapping[Cell, Record]], source: str | None) -> list[str]:
    """Return the devices that are a target of a run from the source."""
    asked = [r for of in runs.values() for cell, r in of.items() if source in (None, cell.source)]
    return sorted({s.device for r in asked for s in r.scores if s.role == "target"})


def _asked(
    of: Mapping[Cell, Record], devices: Sequence[str], source: str | None
) -> dict[Cell, Record]:
    """Return the runs from the source that have one of the devices as a target."""
    return {
        cell: record
        for cell, record in of.items()
        if source in (None, cell.source) and _places(record, devices)
    }


def _places(record: Record, devices: Sequence[str]) -> list[int]:
    targets = [score.device for score in record.scores if score.role == "target"]
    return [place for place, name in enumerate(targets) if name in devices]


def _why_not(
    of: Mapping[Cell, Record], sources: Sequence[str], limits: Limits, base: Sequence[Record]
) -> str:
    """Return the first reason why a method is no candidate, '' where it is one."""
    if not of:
        return "no run from that source to these devices"
    plan = next(iter(of.values())).plan
    needs = {Access(need) for need in plan.method.needs}
    lacking = sorted(needs - limits.allowed)
    have = sorted({cell.source for cell in of})
    cost, most = _cost(list(of.values()), base), limits.max_cost
    n_parameters = _parameters(list(of.values()))
    reasons = {
        "needs labelled clips of the targets: an upper bound, not a method": (
            Access.TARGET_LABELS in needs
        ),
        f"needs {' and '.join(lacking)}": bool(lacking),
        f"runs from {len(have)} of {len(sources)} sources only ({', '.join(have[:3])}"
        f"{', ...' if len(have) > 3 else ''})": len(have) < len(sources),
        "its cost is not known: no baseline ran on the same machine in the same way": (
            most is not None and cost is None
        ),
        f"trains {cost or 0:.1f} times as long as the baseline": (
            most is not None and cost is not None and cost > most
        ),
        f"has {n_parameters:,.0f} parameters": (
            limits.max_parameters is not None and n_parameters > limits.max_parameters
        ),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _resampled(
    of: Mapping[Cell, Record], devices: Sequence[str], answers: AnswersOf
) -> tuple[dict[Cell, Resampled], str]:
    found: dict[Cell, Resampled] = {}
    for cell, record in of.items():
        try:
            own = answers(record)
            if own is None:
                return {}, f"answers of run {record.run_id[:12]} are not at hand"
            found[cell] = resample(own.on(_places(record, devices)), of=Answers.worst_target)
        except DevbenchError as error:
            return {}, f"run {record.run_id[:12]}: {error.what}"
    return found, ""


def _candidate(
    name: str,
    of: Mapping[Cell, Record],
    devices: Sequence[str],
    base: Sequence[Record],
    resampled: Mapping[Cell, Resampled],
) -> Candidate:
    records = list(of.values())
    values = {cell: _scores(record, devices) for cell, record in of.items()}
    lowest = {cell: min(own, key=lambda d: own[d]) for cell, own in values.items()}
    return Candidate(
        method=name,
        needs=tuple(sorted(records[0].plan.method.needs)),
        score=_over_sources({cell: own[lowest[cell]] for cell, own in values.items()}),
        interval=mean_with_interval(resampled) if resampled else None,
        mean_targets=_over_sources({c: mean(list(own.values())) for c, own in values.items()}),
        worst=tuple(Counter(lowest.values()).most_common()),
        cost=_cost(records, base),
        n_parameters=_parameters(records),
        n_runs=len(records),
        n_seeds=len({cell.seed for cell in of}),
        is_learned=any(model.artifacts for record in records for model in record.models),
    )


def _scores(record: Record, devices: Sequence[str]) -> dict[str, float]:
    return {
        s.device: s.macro_f1 for s in record.scores if s.role == "target" and s.device in devices
    }


def _over_sources(values: Mapping[Cell, float]) -> float:
    by_source: dict[str, list[float]] = {}
    for cell, value in sorted(values.items()):
        by_source.setdefault(cell.source, []).append(value)
    return mean([mean(own) for own in by_source.values()])


def _parameters(records: Sequence[Record]) -> float:
    return mean([float(sum(m.n_parameters for m in r.models)) for r in records])


def _cost(records: Sequence[Record], base: Sequence[Record]) -> float | None:
    """Return training time over the baseline's, of the same machine computing in the same way.

    A baseline of the same source, seed and fold comes first, else the mean of all.
    """
    ratios = []
    for record in records:
        own = fit_seconds(record)
        alike = [other for other in base if _machine(other) == _machine(record)]
        same = [other for other in alike if cell_of(other) == cell_of(record)]
        theirs = [seconds for other in same or alike if (seconds := fit_seconds(other))]
        if own is not None and theirs:
            ratios.append(own / mean(theirs))
    return mean(ratios) if ratios else None


def _machine(record: Record) -> bytes:
    plan = record.plan
    how = [record.measured.get("machine"), plan.threads, plan.device, plan.precision]
    return canonical_json(how)


def _against(best: str, runs: Mapping[str, Mapping[Cell, Resampled]]) -> dict[str, Comparison]:
    """Return the best method held against every other that shares runs with it."""
    found: dict[str, Comparison] = {}
    for name, own in runs.items():
        if best in runs and name != best and set(own) & set(runs[best]):
            found[name] = compare({best: runs[best], name: own})[0]
    corrected = holm([one.p for one in found.values()])
    return {
        name: replace(one, p_holm=p)
        for (name, one), p in zip(found.items(), corrected, strict=True)
    }
