"""For notebooks and scripts: one run, the leaderboard and the records as values of Python.

The same as the commands of the same names, with the same defaults, and from the same store. A
mistake is a DevbenchError instead of an exit code, and what a command warns of is a Python warning.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devbench.contract.options import Value, setting_text
from devbench.talk import ConsoleTalk

if TYPE_CHECKING:
    import pandas as pd

    from devbench.results.gather import Gathered, Warn
    from devbench.results.record import Record
    from devbench.running.plan import Isolation

INTEGERS = ("rank", "band_first", "band_last", "level", "n_sources", "n_seeds", "n_runs",
            "n_failed", "n_scored")  # fmt: skip
"""Columns of counts, of which some may be missing."""


class ScriptTalk(ConsoleTalk):
    """Progress on stderr where it is asked for; warnings as Python has them."""

    def warn(self, words: str) -> None:
        """Warn of what went wrong without stopping the run."""
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
        settings=tuple(f"{key}={setting_text(value)}" for key, value in (options or {}).items()),
        plugin_file=None if plugin is None else Path(plugin),
        device=device,
        threads=threads,
        isolation=isolation,
        retrain=retrain,
    )
    with contextlib.closing(ScriptTalk(is_quiet=not progress)) as talk:
        planned = pipeline.plan_run(request, data=_data(data), store=opened.folder, talk=talk)
        return pipeline.run(planned, opened, talk=talk, force=force).record


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


def _store(folder: str | Path | None) -> Path:
    return Path(folder or os.environ.get("DEVBENCH_STORE") or ".devbench")


def _data(folder: str | Path | None) -> Path | None:
    found = folder or os.environ.get("DEVBENCH_DATA")
    return Path(found) if found else None
