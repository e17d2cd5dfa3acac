"""What the records of one row say beyond the row: cells, classes, costs and where they come from.

Means follow the order of the tables: runs of one source, seed and fold first, then seeds and folds
of a source, then sources. Nothing of a single record is kept but its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from devbench.files import sha256_bytes
from devbench.pages.added import Added, added_of
from devbench.results.commands import commands_of
from devbench.results.metrics import mean
from devbench.results.record import PartPlan, Record
from devbench.results.tables import Cell, cell_of, fit_seconds


class Cost(NamedTuple):
    """What a row's runs cost, None where the records do not say. Memory in MB, times in seconds.

    n_parameters: of all classifiers of a run, the mean over runs. machines: what they ran on.
    """

    n_parameters: float
    fit_s: float | None
    predict_s: float | None
    fit_memory_mb: float | None
    machines: tuple[str, ...]


class Provenance(NamedTuple):
    """What a row is made of. Each text names one value, or all that occur among its runs.

    digest: SHA-256 over the lines `run_id logits_sha256 weights_sha256 ...` of its runs.
    runs: (source, texts `seed.fold run_id`), run_ids by their first 12 digits.
    """

    commands: tuple[str, ...]
    method: str
    backbone: str
    frontend: str
    computed: str
    versions: str
    artifacts: str
    digest: str
    runs: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Detail:
    """One row in detail. by_cell: macro F1 by (source, device), the source's own included.

    by_target, by_class: over all sources of the block, empty where the row lacks one. is_learned:
    its runs used an artifact that was trained once for many runs, such as a converter.
    """

    by_cell: Mapping[tuple[str, str], float]
    by_target: Mapping[str, float]
    by_class: Mapping[str, float]
    is_learned: bool
    added: Added | None
    cost: Cost
    provenance: Provenance


def detail_of(records: Sequence[Record], sources: Iterable[str]) -> Detail:
    """Return the detail of a row. records: at least one; sources: those of the block."""
    by_cell = _by_cell(records)
    is_complete = {record.plan.source for record in records} == set(sources)
    return Detail(
        by_cell=by_cell,
        by_target=_by_target(by_cell) if is_complete else {},
        by_class=_by_class(records) if is_complete else {},
        is_learned=any(model.artifacts for record in records for model in record.models),
        added=added_of(records),
        cost=_cost(records),
        provenance=_provenance(records),
    )


def _by_cell(records: Iterable[Record]) -> dict[tuple[str, str], float]:
    found: dict[tuple[str, str], dict[Cell, list[float]]] = {}
    for record in records:
        for score in record.scores:
            grid = found.setdefault((record.plan.source, score.device), {})
            grid.setdefault(cell_of(record), []).append(score.macro_f1)
    return {
        key: mean([mean(values) for _, values in sorted(grid.items())])
        for key, grid in sorted(found.items())
    }


def _by_target(by_cell: Mapping[tuple[str, str], float]) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for (source, device), value in by_cell.items():
        if source != device:
            found.setdefault(device, []).append(value)
    return {device: mean(values) for device, values in sorted(found.items())}


def _by_class(records: Iterable[Record]) -> dict[str, float]:
    """Return the F1 of each class, mean over targets, in the order of the classes."""
    runs: dict[Cell, list[list[float]]] = {}
    names: list[str] = []
    for record in records:
        names = record.classes
        runs.setdefault(cell_of(record), []).append(_class_means(record))
    by_source: dict[str, list[list[float]]] = {}
    for cell, values in sorted(runs.items()):
        by_source.setdefault(cell.source, []).append(_mean_lists(values))
    return dict(zip(names, _mean_lists([_mean_lists(v) for v in by_source.values()]), strict=True))


def _class_means(record: Record) -> list[float]:
    import numpy as np

    counts = np.array([s.confusion for s in record.scores if s.role == "target"], dtype=np.int64)
    hits = np.diagonal(counts, axis1=1, axis2=2)
    mass = counts.sum(axis=1) + counts.sum(axis=2)  # 2 TP + FP + FN: [device, class]
    f1: list[list[float]] = (2 * hits / np.maximum(mass, 1)).tolist()
    return _mean_lists(f1)


def _mean_lists(lists: Sequence[Sequence[float]]) -> list[float]:
    return [mean(values) for values in zip(*lists, strict=True)]


def _cost(records: Sequence[Record]) -> Cost:
    def over(values: Iterable[float | None]) -> float | None:
        held = [value for value in values if value is not None]
        return mean(held) if held else None

    return Cost(
        n_parameters=mean([float(sum(m.n_parameters for m in r.models)) for r in records]),
        fit_s=over(fit_seconds(record) for record in records),
        predict_s=over(_measured(record, "times_s", "predict") for record in records),
        fit_memory_mb=over(_measured(record, "peak_memory_mb", "fit") for record in records),
        machines=tuple(sorted({_machine(record) for record in records})),
    )


def _measured(record: Record, group: str, name: str) -> float | None:
    """Return a figure of `measured`, which is free in form, or None."""
    held = record.measured.get(group)
    value = held.get(name) if isinstance(held, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        return None
    return float(value)


def _machine(record: Record) -> str:
    machine = record.measured.get("machine")
    held = machine if isinstance(machine, dict) else {}
    gpus = held.get("gpus")
    names = [str(name) for name in gpus] if isinstance(gpus, list) else []
    plan = record.plan
    what = ", ".join(names) if plan.device == "cuda" and names else str(held.get("cpu", "unknown"))
    return f"{what}; {plan.device}, {plan.precision}, threads {plan.threads}"


def _provenance(records: Sequence[Record]) -> Provenance:
    ordered = sorted(records, key=lambda r: (r.plan.source, r.plan.seed, r.plan.fold, r.run_id))
    runs: dict[str, list[str]] = {}
    lines: list[str] = []
    for record in ordered:
        plan = record.plan
        runs.setdefault(plan.source, []).append(f"{plan.seed}.{plan.fold} {record.run_id[:12]}")
        weights = [model.weights_sha256 for model in record.models]
        lines.append(" ".join([record.run_id, record.logits_sha256, *weights]) + "\n")
    plans = [record.plan for record in ordered]
    artifacts = {
        f"{used.name} {used.key[:12]} (tensors {used.sha256[:12]}, {used.origin})"
        for record in ordered
        for model in record.models
        for used in model.artifacts
    }
    return Provenance(
        commands=commands_of(ordered),
        method=_all(_part(plan.method) for plan in plans),
        backbone=_all(_part(plan.backbone) for plan in plans),
        frontend=_all(_part(plan.frontend) for plan in plans),
        computed=_all(
            f"{p.device}, {p.precision}, threads {p.threads}, isolation {p.isolation}"
            for p in plans
        ),
        versions=_all(
            ", ".join(f"{name} {version}" for name, version in sorted(plan.versions.items()))
            for plan in plans
        ),
        artifacts=_all(artifacts) or "none",
        digest=sha256_bytes("".join(lines).encode()),
        runs=tuple((source, tuple(texts)) for source, texts in runs.items()),
    )


def _part(part: PartPlan) -> str:
    options = ", ".join(f"{name}={value}" for name, value in sorted(part.options.items()))
    return (
        f"{part.name} v{part.version} of {part.distribution} {part.distribution_version}, "
        f"code {part.code_sha256[:12]}, options: {options or 'none'}"
    )


def _all(texts: Iterable[str]) -> str:
    return "; or ".join(sorted(set(texts)))
