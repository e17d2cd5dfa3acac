"""A whole sweep, from what is asked for to how its cells stand then.

grid_of     names and numbers: mistakes of typing end here
joined      a cluster, where one is asked for
plan_sweep  every cell planned and looked up in the store; nothing is computed
run_sweep   what is to do is run; what ended is kept, whatever happens next
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, Protocol

from devbench.benchmark.load import load_benchmark
from devbench.errors import UsageError
from devbench.registry import installed
from devbench.results.store import Store
from devbench.running.hardware import cuda_info, n_cpus
from devbench.running.observe import Observers
from devbench.running.pipeline import Talk
from devbench.running.plan import Isolation
from devbench.sweeping.asked import note_asked
from devbench.sweeping.cells import Cell, Durations, Impossible, plan_cells
from devbench.sweeping.grid import Grid, benchmark_text, names, numbers, owned
from devbench.sweeping.local import Ended, Watcher
from devbench.sweeping.local import run_cells as run_here
from devbench.sweeping.ray_cluster import Share, connected, require_slots
from devbench.sweeping.sweep import State, Sweep

OBSERVERS_TIMEOUT_S = 600.0
"""How long an observer may take for a whole sweep: it may have to write what of it is missing."""


@dataclass(frozen=True, slots=True)
class SweepRequest:
    """What is asked for, in the words of the command line: A,B or all; 0-4; KEY=VALUE.

    backbones, frontends: None: the budget's, and the benchmark's. jobs: runs side by side; None:
    one, or with ray what the cluster has room for. threads: of each run; 0: cores / jobs, with ray
    1. ray: the address of a cluster. only: "failed" tries those again, and nothing else.
    """

    methods: str
    sources: str = "all"
    seeds: str = "0"
    folds: str = "0"
    backbones: str | None = None
    frontends: str | None = None
    benchmark: str = "sim7"
    budget: str = "quick"
    settings: tuple[str, ...] = ()
    jobs: int | None = None
    threads: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    isolation: Isolation = "process"
    ray: str | None = None
    gpus_per_run: float | None = None
    only: Literal["failed"] | None = None

    def __post_init__(self) -> None:
        if self.ray and self.jobs is not None:
            raise UsageError(
                "--jobs is for runs on this machine; with --ray the cluster decides",
                fix="leave out --jobs; --threads and --gpus-per-run say what a run takes of a node",
            )
        if self.gpus_per_run is not None and not self.ray:
            raise UsageError(
                "--gpus-per-run is for --ray", fix="leave it out, or give --ray ADDRESS"
            )


@dataclass(frozen=True, slots=True)
class PlannedSweep:
    """A sweep whose cells are known. states: of each cell by run_id; n_jobs: runs side by side.

    share: what a run takes of a node of the cluster, None where all runs here.
    """

    request: SweepRequest
    sweep: Sweep
    benchmark: str
    data: Path | None
    cells: tuple[Cell, ...]
    impossible: tuple[Impossible, ...]
    states: dict[str, State]
    durations: Durations
    n_jobs: int
    share: Share | None = None

    @property
    def todo(self) -> list[Cell]:
        """Return the cells that are run: those without an end, or those that failed."""
        return _todo(self.request, self.cells, self.states)

    @property
    def count(self) -> Counter[str]:
        """Return how many cells stand how."""
        return Counter(self.states[cell.run_id] for cell in self.cells)

    @property
    def left_s(self) -> float | None:
        """Return how long what is to do takes; None where nothing like it is known."""
        return self.durations.estimate_s(self.todo, self.n_jobs)


class SweepWatcher(Watcher, Protocol):
    """Who is told what happens in a sweep, and what goes wrong without stopping it."""

    def warn(self, words: str) -> None:
        """Tell what went wrong."""
        ...

    def close(self) -> None:
        """Hear that all runs have ended."""
        ...


def grid_of(request: SweepRequest) -> Grid:
    """Return the grid of a request; UnknownNameError and UsageError for what cannot be meant."""
    loaded = load_benchmark(request.benchmark)
    methods = _plugins("method", request.methods)
    backbones, frontends = request.backbones, request.frontends
    devices = f"devbench ls devices --benchmark {request.benchmark}"
    return Grid(
        benchmark=benchmark_text(request.benchmark),
        methods=methods,
        sources=names(request.sources, loaded.sources, "device", list_command=devices),
        seeds=numbers(request.seeds, "--seeds"),
        folds=list(range(loaded.splits.n_folds or 1)) if request.folds == "all"
        else numbers(request.folds, "--folds"),
        backbones=[*_plugins("backbone", backbones)] if backbones else [None],
        frontends=[*_plugins("frontend", frontends)] if frontends else [None],
        budget=request.budget,
        settings=owned(request.settings, methods),
        device=request.device,
        threads=request.threads or (1 if request.ray else max(1, n_cpus() // (request.jobs or 1))),
        isolation=request.isolation,
    )  # fmt: skip


@contextlib.contextmanager
def joined(request: SweepRequest) -> Iterator[None]:
    """Be part of the cluster that a request names, if it names one."""
    with connected(request.ray) if request.ray else contextlib.nullcontext():
        yield


def plan_sweep(
    request: SweepRequest,
    grid: Grid,
    *,
    data: Path | None,
    store: Store,
    talk: Talk,
    is_dry: bool = False,
) -> PlannedSweep:
    """Plan every cell of a request's grid and look up how it stands; nothing is written.

    is_dry: it will not be run, so that no cluster is asked for room. Raises as plan_cells does.
    """
    sweep = Sweep(grid, store)
    cells, impossible = plan_cells(
        grid, data=data, store=store.folder, talk=talk, is_lenient=request.methods.strip() == "all"
    )
    states = sweep.states(cell.run_id for cell in cells)
    todo = _todo(request, cells, states)
    share = _share(todo, request.gpus_per_run) if request.ray and todo and not is_dry else None
    return PlannedSweep(
        request=request,
        sweep=sweep,
        benchmark=load_benchmark(request.benchmark).id,
        data=data,
        cells=tuple(cells),
        impossible=tuple(impossible),
        states=states,
        durations=Durations(store.records(lambda words: None)),
        n_jobs=require_slots(share) if share else request.jobs or 1,
        share=share,
    )


def run_sweep(planned: PlannedSweep, watcher: SweepWatcher) -> tuple[list[Ended], dict[str, State]]:
    """Run what is to do; return how those runs ended, and how every cell stands now.

    KeyboardInterrupt ends the running cells, resumable, and is raised; what ended is kept. An
    observer that fails is warned of.
    """
    sweep = planned.sweep
    sweep.save()
    note_asked(sweep, benchmark=planned.benchmark, run_ids=list(planned.states))
    try:
        ended = _run(planned, watcher)
    finally:
        watcher.close()
    states = sweep.states(planned.states)
    document = {
        "sweep_id": sweep.grid.sweep_id,
        "benchmark": planned.benchmark,
        "grid": sweep.grid.model_dump(mode="json"),
        "cells": dict(states),
    }
    with Observers(timeout_s=OBSERVERS_TIMEOUT_S) as observers:
        for words in observers.sweep_finished(document, sweep.store.folder):
            watcher.warn(words)
    return ended, states


def _run(planned: PlannedSweep, watcher: SweepWatcher) -> list[Ended]:
    """Run cells here, or, where there is a share for each, on the cluster that was joined."""
    sweep = planned.sweep
    if planned.share:
        from devbench.sweeping import on_ray

        where = partial(on_ray.run_cells, share=planned.share, warn=watcher.warn)
    else:
        n_gpus = 0 if planned.request.device == "cpu" else len(cuda_info())
        where = partial(run_here, n_jobs=planned.n_jobs, n_gpus=n_gpus)
    return where(
        planned.todo, data=planned.data, store=sweep.store.folder, logs=sweep.folder / "logs",
        watcher=watcher, keep=sweep.keep,
    )  # fmt: skip


def _todo(request: SweepRequest, cells: Sequence[Cell], states: dict[str, State]) -> list[Cell]:
    wanted = "failed" if request.only else "to do"
    return [cell for cell in cells if states[cell.run_id] == wanted]


def _share(todo: Sequence[Cell], gpus_per_run: float | None) -> Share:
    """Return what each run takes of a node: its threads, and a GPU where none is said."""
    plans = [cell.plan for cell in todo if cell.plan]
    if gpus_per_run is None:
        gpus_per_run = 1.0 if any(plan.device == "cuda" for plan in plans) else 0.0
    return Share(max(plan.threads for plan in plans), gpus_per_run)


def _plugins(kind: Literal["method", "backbone", "frontend"], text: str) -> list[str]:
    return names(text, installed(kind), kind, list_command=f"devbench ls {kind}s")
