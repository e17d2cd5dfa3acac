"""For notebooks and scripts: a run, a sweep, the leaderboard and the records as values of Python.

The same as the commands of the same names, with the same defaults, and from the same store. A
mistake is a DevbenchError instead of an exit code, and what a command warns of is a Python warning.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from devbench.contract.options import Value, setting_text
from devbench.sweep_talk import SweepTalk
from devbench.talk import ConsoleTalk

if TYPE_CHECKING:
    import pandas as pd

    from devbench.results.gather import Gathered, Warn
    from devbench.results.record import Record
    from devbench.running.plan import Isolation
    from devbench.sweeping.pipeline import PlannedSweep

INTEGERS = ("rank", "band_first", "band_last", "level", "n_sources", "n_seeds", "n_runs",
            "n_failed", "n_scored")  # fmt: skip
"""Columns of counts, of which some may be missing."""
CELL_COLUMNS = ("method", "backbone", "frontend", "source", "seed", "fold", "state", "mean_targets",
                "worst_target", "why", "run_id")  # fmt: skip


class ScriptTalk(ConsoleTalk):
    """Progress on stderr where it is asked for; warnings as Python has them."""

    def warn(self, words: str) -> None:
        """Warn of what went wrong without stopping the run."""
        warn(words)


class ScriptSweepTalk(SweepTalk):
    """The same of a sweep."""

    def warn(self, words: str) -> None:
        """Warn of what went wrong without stopping the sweep."""
        warn(words)


def run(
    method: str,
    source: str,
    *,
    benchmark: str | Path = "sim7",
    backbone: str | None = None,
    frontend: str | None = None,
    budget: str = "quick",
    seed: int = 0,
    fold: int = 0,
    options: Mapping[str, Value | Path] | None = None,
    plugin: str | Path | None = None,
    device: str = "auto",
    threads: int = 0,
    isolation: Isolation = "process",
    retrain: bool = False,
    force: bool = False,
    data: str | Path | None = None,
    store: str | Path | None = None,
    progress: bool = False,
) -> Record:
    """Train a method on one source device, test it on all others, and return the record.

    As `devbench run`: what was run before is answered from the store, and a run that was
    interrupted goes on. benchmark: a name, or a TOML file. options: as --set takes them, such as
    {"alpha": 0.3, "backbone.width": 32}. plugin: load the method from this file. data, store:
    folders; None: $DEVBENCH_DATA, and $DEVBENCH_STORE or .devbench. progress: tell on stderr how
    far it is.

    Raises DevbenchError: UnknownNameError and UsageError of a request, DataError of a corpus,
    PluginError and RunError of a run that failed.
    """
    from devbench.results.store import Store
    from devbench.running import pipeline
    from devbench.running.plan import Request

    opened = Store(_store(store))
    request = Request(
        method=method,
        source=source,
        benchmark=str(benchmark),
        backbone=backbone,
        frontend=frontend,
        budget=budget,
        seed=seed,
        fold=fold,
        settings=_settings(options),
        plugin_file=None if plugin is None else Path(plugin),
        device=device,
        threads=threads,
        isolation=isolation,
        retrain=retrain,
    )
    with contextlib.closing(ScriptTalk(is_quiet=not progress)) as talk:
        planned = pipeline.plan_run(request, data=_data(data), store=opened.folder, talk=talk)
        return pipeline.run(planned, opened, talk=talk, force=force).record


def sweep(
    methods: str | Iterable[str],
    sources: str | Iterable[str] = "all",
    *,
    seeds: int | str | Iterable[int] = 0,
    folds: int | str | Iterable[int] = 0,
    backbones: str | Iterable[str] | None = None,
    frontends: str | Iterable[str] | None = None,
    benchmark: str | Path = "sim7",
    budget: str = "quick",
    options: Mapping[str, Value | Path] | None = None,
    jobs: int = 1,
    threads: int = 0,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    isolation: Isolation = "process",
    ray: str | None = None,
    gpus_per_run: float | None = None,
    only: Literal["failed"] | None = None,
    dry_run: bool = False,
    data: str | Path | None = None,
    store: str | Path | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """Run every combination that has no record, and return how each stands: a row per run.

    As `devbench sweep`: runs that ended are kept, so after an interruption the same call goes on,
    and runs that failed are left until only="failed". methods, sources, backbones, frontends: a
    list of names, or a text such as "A,B" or "all"; seeds, folds: numbers, or a text such as "0-4".
    options: also for one method alone, as {"METHOD.alpha": 0.3}. dry_run: compute nothing.

    Columns: method, backbone, frontend, source, seed, fold; state ('done', 'failed' or 'to do');
    mean_targets and worst_target as fractions, missing unless done; why, of a run that failed; and
    run_id. A run that fails is a row and a warning, no exception; a method that cannot be run here
    at all is, where all are asked for, a warning.

    Raises DevbenchError: UnknownNameError and UsageError of what is asked for, DataError of a
    corpus, PluginError of a plugin, ConfigurationError of a benchmark or a cluster.
    """
    from devbench.results.store import Store
    from devbench.sweeping.pipeline import SweepRequest, grid_of, joined, plan_sweep, run_sweep

    request = SweepRequest(
        methods=_listed(methods),
        sources=_listed(sources),
        seeds=_listed(seeds),
        folds=_listed(folds),
        backbones=None if backbones is None else _listed(backbones),
        frontends=None if frontends is None else _listed(frontends),
        benchmark=str(benchmark),
        budget=budget,
        settings=_settings(options),
        jobs=None if jobs == 1 else jobs,
        threads=threads,
        device=device,
        isolation=isolation,
        ray=ray,
        gpus_per_run=gpus_per_run,
        only=only,
    )
    grid = grid_of(request)
    with contextlib.ExitStack() as stack:
        if not dry_run:
            stack.enter_context(joined(request))
        talk = stack.enter_context(contextlib.closing(ScriptTalk(is_quiet=not progress)))
        planned = plan_sweep(
            request, grid, data=_data(data), store=Store(_store(store)), talk=talk, is_dry=dry_run
        )
        for one in planned.impossible:
            warn(f"left out: {one}")
        states = planned.states
        if not dry_run:
            watcher = ScriptSweepTalk(
                planned.durations, n_jobs=planned.n_jobs, cells=planned.todo,
                is_quiet=not progress, all_on_stderr=True,
            )  # fmt: skip
            _, states = run_sweep(planned, watcher)
    return _cells_table(planned, states)


def leaderboard(
    *,
    benchmark: str | None = None,
    budget: str | None = None,
    published: bool = False,
    records: str | Path | None = None,
    from_mlflow: str | None = None,
    store: str | Path | None = None,
    data: str | Path | None = None,
) -> pd.DataFrame:
    """Return the leaderboard as a DataFrame: a row per method, options and table, best first.

    Columns as in `devbench leaderboard --format csv`: what all rows of a table share (benchmark,
    corpus, budget, backbone, track), then the figures, as fractions; docs/tutorial-leaderboard.md
    explains them. Never rank across tables. published: the rows of the papers as well, of kind
    'published'. records: a folder of records instead of a store; from_mlflow: the URI of a mirror.

    Raises UnknownNameError where there are runs, but none of that benchmark and budget.
    """
    import pandas as pd

    from devbench.results.published import published_rows
    from devbench.results.render import Board, flat_rows

    gathered = gather(
        None if records is None else Path(records),
        _store(store),
        _data(data),
        uri=from_mlflow,
        warn=warn,
    ).only(benchmark=benchmark, budget=budget)
    blocks = gathered.blocks(warn=warn)
    rows = flat_rows(Board(blocks, tuple(published_rows()) if published else None))
    table = pd.DataFrame(rows)
    return table.astype({name: "Int64" for name in INTEGERS if name in table})


def records(
    *,
    method: str | None = None,
    source: str | None = None,
    benchmark: str | None = None,
    budget: str | None = None,
    store: str | Path | None = None,
) -> list[Record]:
    """Return the records of a store, sorted by benchmark, budget, method, source, fold and seed.

    method, source, benchmark, budget: only those; None: all. A record that cannot be read is warned
    of and left out. Figures are those that the record states: `devbench verify` proves them.
    """
    from devbench.results.store import Store

    def is_asked(record: Record) -> bool:
        plan = record.plan
        return (
            method in (None, plan.method.name)
            and source in (None, plan.source)
            and benchmark in (None, plan.benchmark.id)
            and budget in (None, plan.budget)
        )

    def place(record: Record) -> tuple[Any, ...]:
        plan = record.plan
        names = (plan.benchmark.id, plan.budget, plan.method.name, plan.source)
        return (*names, plan.fold, plan.seed, record.run_id)

    return sorted(filter(is_asked, Store(_store(store)).records(warn)), key=place)


def gather(
    records: Path | None, store: Path, data: Path | None, *, uri: str | None = None, warn: Warn
) -> Gathered:
    """Return the runs of a folder of records, of an MLflow store at uri, or else of a store.

    Of runs that are left out warn says why.
    """
    from devbench.errors import UsageError
    from devbench.results.gather import from_folder, from_store
    from devbench.results.store import Store

    if records is not None and uri is not None:
        raise UsageError("--records and --from-mlflow exclude each other", fix="give one of them")
    if uri is not None:
        from devbench.tracking.reading import from_mlflow

        return from_mlflow(uri, warn=warn)
    if records is not None:
        return from_folder(records, warn=warn)
    return from_store(Store(store), data, warn=warn)


def warn(words: str) -> None:
    """Warn as Python does, in one line without control characters: words may be a plugin's."""
    from devbench.results.render import clean_line

    warnings.warn(clean_line(words), stacklevel=2)


def _cells_table(planned: PlannedSweep, states: Mapping[str, str]) -> pd.DataFrame:
    import pandas as pd

    failed, held = planned.sweep.failed(), planned.sweep.store
    n_failed = sum(state == "failed" for state in states.values())
    if n_failed:
        warn(f"{n_failed} of {len(states)} runs failed: see column 'why'")
    rows = []
    for cell in planned.cells:
        state, plan = states[cell.run_id], cell.plan
        summary = held.get(cell.run_id).summary if state == "done" else None
        names = {"backbone": plan.backbone.name, "frontend": plan.frontend.name} if plan else {}
        rows.append(
            {
                **cell.axes,
                **names,
                "state": state,
                "mean_targets": summary.mean_targets if summary else None,
                "worst_target": summary.worst_target if summary else None,
                "why": failed[cell.run_id].what if state == "failed" else "",
                "run_id": cell.run_id,
            }
        )
    table = pd.DataFrame(rows, columns=[*CELL_COLUMNS])
    return table.astype({"mean_targets": float, "worst_target": float})


def _listed(chosen: int | str | Iterable[str] | Iterable[int]) -> str:
    """Return what is chosen as the command line takes it."""
    if isinstance(chosen, int | str):
        return str(chosen)
    return ",".join(map(str, chosen))


def _settings(options: Mapping[str, Value | Path] | None) -> tuple[str, ...]:
    return tuple(f"{key}={setting_text(value)}" for key, value in (options or {}).items())


def _store(folder: str | Path | None) -> Path:
    return Path(folder or os.environ.get("DEVBENCH_STORE") or ".devbench")


def _data(folder: str | Path | None) -> Path | None:
    found = folder or os.environ.get("DEVBENCH_DATA")
    return Path(found) if found else None
