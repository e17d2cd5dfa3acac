"""The leaderboard as values: blocks of like runs, a table per track, a row per method and options.

Nothing is ranked across benchmarks, corpora, budgets, backbones or tracks. Runs of one method,
options, source, seed and fold (on two machines, say) are averaged first, then seeds and folds of
a source, then sources, so that no source counts more because it ran more often.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from devbench.contract.access import TRACKS
from devbench.files import canonical_json
from devbench.results.metrics import METRIC, gap_closed, mean
from devbench.results.ranking import ranked, status_of
from devbench.results.record import Plan, Record

RANKED_SEEDS = 5
RANKED_LEVEL = 1
LEGEND = (
    "mean_targets: mean macro F1 over the target devices, the source left out; over the seeds and "
    "folds of a source first, then over sources.",
    "mean_all: the same with the source device counted in. Not comparable with mean_targets.",
    "95 %: where mean_targets lies, over other test events and, with several seeds, other "
    "trainings; 'events only' with one seed, which says nothing of those. rank: ranked methods "
    "that cannot be told apart share ranks (docs/statistics.md).",
    "A column named after a device: mean_targets with that device as the source.",
    "worst: the lowest source>target cell, each averaged over seeds and folds. source F1: macro F1 "
    "on the source device. spread: population SD over the targets of a run, averaged over runs.",
    "gap_closed: (mean_targets - baseline) / (ideal - baseline) per source, seed and fold, of the "
    "same benchmark, backbone and budget; '-' unless both exist for every run of the row.",
    "scored: how often the method was scored on targets of this benchmark, whatever its options. "
    "failed: runs that ended without a score.",
    "status: 'ranked' needs seeds 0 to n-1 on every source, default options, an installed plugin, "
    "process isolation and figures recomputed from logits (V1). level: V0 to V2, and what kept "
    "plugins from the machine where that was not a process alone.",
)


class Cell(NamedTuple):
    """One run of a row's grid."""

    source: str
    seed: int
    fold: int


class BlockKey(NamedTuple):
    """What rows must share to stand in one table."""

    benchmark: str
    version: int
    benchmark_sha256: str
    corpus: str
    corpus_version: int
    fingerprint: str
    provenance: str
    metric: str
    budget: str
    backbone: str


@dataclass(frozen=True, slots=True)
class Row:
    """One method with its options. None where a figure does not exist or would not compare.

    by_source: mean over targets per source of the block. n_seeds: s such that seeds 0 to s-1 are
    complete. n_scored: None without a ledger. interval: 95 %, of mean_targets. band: first and last
    rank that the row may have. run_ids: of the records that the row is made of, sorted. isolation:
    what kept plugins from the machine; all that occur among its runs.
    """

    rank: int | None
    method: str
    options: str
    status: str
    level: int | None
    mean_targets: float | None
    mean_all: float | None
    worst_target: float | None
    worst_cell: str | None
    source_score: float | None
    spread: float | None
    gap_closed: float | None
    by_source: dict[str, float | None]
    n_sources: int
    n_seeds: int
    n_runs: int
    n_failed: int
    n_scored: int | None
    fit_s: float | None
    code_sha256: str
    interval: tuple[float, float] | None = None
    band: tuple[int, int] | None = None
    run_ids: tuple[str, ...] = ()
    isolation: str = "process"

    @property
    def is_events_only(self) -> bool:
        """Return whether the interval says nothing of other trainings: there is one seed."""
        return self.interval is not None and self.n_seeds <= 1


@dataclass(frozen=True, slots=True)
class Block:
    """Tables that share everything but the track. tables: (track, rows), in the order of TRACKS."""

    key: BlockKey
    sources: tuple[str, ...]
    n_folds: int
    ranked_seeds: int
    tables: tuple[tuple[str, tuple[Row, ...]], ...]


class Runs(NamedTuple):
    """Records and failures of one row or of one block."""

    records: list[Record]
    failed: list[Plan]


Reference = Mapping[Cell, float]


def leaderboard(
    records: Iterable[Record],
    *,
    levels: Mapping[str, int],
    failed: Iterable[Plan] = (),
    scorings: Mapping[tuple[str, str], int] | None = None,
    ranked_seeds: Mapping[str, int] | None = None,
    ranked_level: int = RANKED_LEVEL,
) -> tuple[Block, ...]:
    """Return the blocks of a leaderboard; the order of records does not matter.

    levels: verified level by run_id. failed: plans of failed runs. scorings: count by (method,
    benchmark sha256), None without a ledger. ranked_seeds: seeds that a ranked row needs, by
    benchmark sha256 (RANKED_SEEDS where not given).
    """
    blocks: dict[BlockKey, Runs] = {}
    for record in sorted(records, key=lambda r: r.run_id):
        blocks.setdefault(block_key(record.plan), Runs([], [])).records.append(record)
    for plan in failed:
        blocks.setdefault(block_key(plan), Runs([], [])).failed.append(plan)
    return tuple(
        _block(
            key,
            blocks[key],
            levels=levels,
            scorings=scorings,
            ranked_seeds=(ranked_seeds or {}).get(key.benchmark_sha256, RANKED_SEEDS),
            ranked_level=ranked_level,
        )
        for key in sorted(blocks)
    )


def block_key(plan: Plan) -> BlockKey:
    """Return what a run shares with all rows that it may be compared with.

    Device class, precision and threads are left out: they change cost, not the question.
    """
    backbone = plan.backbone
    opened = _options(backbone.options, backbone.opened)
    return BlockKey(
        benchmark=plan.benchmark.id,
        version=plan.benchmark.version,
        benchmark_sha256=plan.benchmark.sha256,
        corpus=plan.corpus.name,
        corpus_version=plan.corpus.version,
        fingerprint=plan.corpus.fingerprint,
        provenance=plan.corpus.provenance,
        metric=METRIC,
        budget=plan.budget,
        backbone=f"{backbone.name} {opened}".strip(),
    )


def fit_seconds(record: Record) -> float | None:
    """Return how long fit took in seconds, where the record says so."""
    times_s = record.measured.get("times_s")
    value = times_s.get("fit") if isinstance(times_s, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        return None
    return float(value)


def _block(
    key: BlockKey,
    runs: Runs,
    *,
    levels: Mapping[str, int],
    scorings: Mapping[tuple[str, str], int] | None,
    ranked_seeds: int,
    ranked_level: int,
) -> Block:
    sources = tuple(sorted({record.plan.source for record in runs.records}))
    n_folds = len({record.plan.fold for record in runs.records})
    groups: dict[tuple[str, bytes], Runs] = {}
    for record in runs.records:
        groups.setdefault(_row_key(record.plan), Runs([], [])).records.append(record)
    for plan in runs.failed:
        groups.setdefault(_row_key(plan), Runs([], [])).failed.append(plan)
    baseline = _reference(runs.records, "baseline")
    ideal = _reference(runs.records, "ideal")
    by_track: dict[str, list[Row]] = {}
    for (track, _), group in groups.items():
        frontend = _opened_frontend(group.records[0].plan if group.records else group.failed[0])
        row = _row(
            group,
            sources,
            baseline=baseline.get(frontend, {}),
            ideal=ideal.get(frontend, {}),
            levels=levels,
        )
        status = status_of(
            group,
            row,
            sources=sources,
            n_folds=n_folds,
            ranked_seeds=ranked_seeds,
            ranked_level=ranked_level,
        )
        n_scored = None
        if scorings is not None:
            n_scored = scorings.get((row.method, key.benchmark_sha256), 0)
        by_track.setdefault(track, []).append(replace(row, status=status, n_scored=n_scored))
    tables = [(track, ranked(by_track[track])) for track in TRACKS if track in by_track]
    return Block(key, sources, n_folds, ranked_seeds, tuple(tables))


def _row_key(plan: Plan) -> tuple[str, bytes]:
    """Return the track and everything that makes two runs the same method."""
    method = plan.method
    fields = method.model_dump(mode="json", include={"name", "version", "distribution", "options"})
    fields |= {"opened": sorted(method.opened), "is_file": method.is_file}
    if opened := _opened_frontend(plan):
        fields["frontend"] = opened
    return method.track, canonical_json(fields | {"code": method.code_sha256})


def _opened_frontend(plan: Plan) -> str:
    """Return name and options of a front end that the command line chose, else ''."""
    frontend = plan.frontend
    words = [f"frontend={frontend.name}"] if "name" in frontend.opened else []
    options = sorted(set(frontend.opened) - {"name"})
    return " ".join(words + [f"frontend.{key}={frontend.options.get(key)}" for key in options])


def _options(options: Mapping[str, object], opened: Iterable[str]) -> str:
    return " ".join(f"{name}={options.get(name)}" for name in sorted(opened))


def _reference(records: Iterable[Record], method: str) -> Mapping[str, Reference]:
    """Return mean_targets by cell of devbench's own method of that name with default options.

    By front end, '' being the benchmark's: a row is held against runs with its own. Where a cell
    was run with several versions of its code, the newest counts, as in comparison.py.
    """
    found: dict[str, dict[Cell, dict[str, list[float]]]] = {}
    for record in sorted(records, key=_started):
        plan = record.plan.method
        own = plan.name == method and plan.distribution == "devbench"
        if own and not plan.opened and not plan.is_file:
            by_code = found.setdefault(_opened_frontend(record.plan), {}).setdefault(
                cell_of(record), {}
            )
            values = by_code.pop(plan.code_sha256, [])  # put back at the end: the newest is last
            by_code[plan.code_sha256] = [*values, record.summary.mean_targets]
    return {
        frontend: {cell: mean(list(by_code.values())[-1]) for cell, by_code in group.items()}
        for frontend, group in found.items()
    }


def _started(record: Record) -> tuple[str, str]:
    return str(record.measured.get("started_at", "")), record.run_id


def cell_of(record: Record) -> Cell:
    """Return source, seed and fold of a run."""
    return Cell(record.plan.source, record.plan.seed, record.plan.fold)


def _row(
    runs: Runs,
    sources: Sequence[str],
    *,
    baseline: Reference,
    ideal: Reference,
    levels: Mapping[str, int],
) -> Row:
    plan = runs.records[0].plan if runs.records else runs.failed[0]
    frontend = _opened_frontend(plan)
    cells: dict[Cell, list[Record]] = {}
    for record in runs.records:
        cells.setdefault(cell_of(record), []).append(record)
    means = {c: mean([r.summary.mean_targets for r in group]) for c, group in cells.items()}
    complete = bool(cells) and {cell.source for cell in cells} == set(sources)
    worst = _worst_cell(runs.records) if complete else None
    closed: dict[Cell, float | None] = {
        cell: gap_closed(value, baseline[cell], ideal[cell])
        if cell in baseline and cell in ideal
        else None
        for cell, value in means.items()
    }
    by_source = {source: _over_cells(means, source) for source in sources}

    def grid(values: Mapping[Cell, float | None]) -> float | None:
        return _over_sources(values, sources) if complete else None

    def per_cell(name: str) -> dict[Cell, float | None]:
        return {c: _mean([getattr(r.summary, name) for r in group]) for c, group in cells.items()}

    fit_s = [seconds for r in runs.records if (seconds := fit_seconds(r)) is not None]
    return Row(
        rank=None,
        method=plan.method.name,
        options=f"{_options(plan.method.options, plan.method.opened)} {frontend}".strip(),
        status="",
        level=min((levels.get(r.run_id, -1) for r in runs.records), default=None),
        mean_targets=grid(dict(means)),
        mean_all=grid(per_cell("mean_all")),
        worst_target=worst[0] if worst else None,
        worst_cell=worst[1] if worst else None,
        source_score=grid(per_cell("source")),
        spread=grid(per_cell("spread")),
        gap_closed=grid(closed),
        by_source=by_source,
        n_sources=len({cell.source for cell in cells}),
        n_seeds=_complete_seeds(cells),
        n_runs=len(runs.records),
        n_failed=len(runs.failed),
        n_scored=None,
        fit_s=mean(fit_s) if fit_s else None,
        code_sha256=plan.method.code_sha256,
        run_ids=tuple(sorted(record.run_id for record in runs.records)),
        isolation=", ".join(sorted({r.plan.isolation for r in runs.records})) or plan.isolation,
    )


def _mean(values: Sequence[float | None]) -> float | None:
    held = [value for value in values if value is not None]
    return mean(held) if held and len(held) == len(values) else None


def _over_cells(values: Mapping[Cell, float | None], source: str) -> float | None:
    """Return the mean over seeds and folds of one source; None when one of them is missing."""
    return _mean([values[cell] for cell in sorted(values) if cell.source == source])


def _over_sources(values: Mapping[Cell, float | None], sources: Sequence[str]) -> float | None:
    return _mean([_over_cells(values, source) for source in sources])


def _worst_cell(records: Iterable[Record]) -> tuple[float, str]:
    """Return the lowest macro F1 of all source>target cells, and its name."""
    found: dict[tuple[str, str], dict[Cell, list[float]]] = {}
    for record in records:
        for score in record.scores:
            if score.role == "target":
                grid = found.setdefault((record.plan.source, score.device), {})
                grid.setdefault(cell_of(record), []).append(score.macro_f1)
    return min(
        (mean([mean(values) for _, values in sorted(grid.items())]), f"{source}>{target}")
        for (source, target), grid in found.items()
    )


def _complete_seeds(cells: Iterable[Cell]) -> int:
    """Return s such that seeds 0 to s-1 were run on every source and fold of the row."""
    seeds: dict[tuple[str, int], set[int]] = {}
    held = list(cells)
    for source in {cell.source for cell in held}:
        for fold in {cell.fold for cell in held}:
            seeds[source, fold] = {c.seed for c in held if (c.source, c.fold) == (source, fold)}
    n = 0
    while seeds and all(n in own for own in seeds.values()):
        n += 1
    return n
