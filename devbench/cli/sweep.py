"""devbench sweep: every combination of methods, sources, seeds, folds and backbones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import click
from click.core import ParameterSource

from devbench.cli.options import (
    benchmark_option,
    budget_option,
    data_option,
    device_option,
    isolation_option,
    json_option,
    settings_option,
    store_option,
)

if TYPE_CHECKING:
    from devbench.cli.sweep_talk import SweepTalk
    from devbench.results.store import Store
    from devbench.running.plan import Isolation
    from devbench.sweeping.cells import Cell, Impossible
    from devbench.sweeping.grid import Grid
    from devbench.sweeping.local import Ended
    from devbench.sweeping.ray_cluster import Share
    from devbench.sweeping.sweep import Sweep

SWEEP_TIMEOUT_S = 600.0
"""How long an observer may take for a whole sweep: it may have to write what of it is missing."""


@click.group("sweep", invoke_without_command=True)
@click.option("--methods", default=None, help="A,B,... or all.")
@click.option("--sources", default="all", show_default=True, help="Devices A,B,... or all.")
@click.option("--seeds", default="0", show_default=True, help="Such as 0-4 or 0,2.")
@click.option("--folds", default="0", show_default=True, help="Such as 0-2, or all.")
@click.option("--backbones", default=None, help="A,B,...; default: the budget's.")
@click.option("--frontends", default=None, help="A,B,...; default: the benchmark's.")
@benchmark_option
@budget_option
@settings_option
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(1, 256),
              help="Runs side by side.")  # fmt: skip
@click.option("--threads", default=0, type=click.IntRange(0, 1024),
              help="CPU threads of each run; 0: cores / jobs, with --ray 1.")  # fmt: skip
@device_option
@isolation_option
@click.option("--ray", default=None, metavar="ADDRESS",
              help="Run on a Ray cluster: HOST:PORT, or auto.")  # fmt: skip
@click.option("--gpus-per-run", default=None, type=click.FloatRange(0, 1024), metavar="FLOAT",
              help="With --ray, such as 0.5; default: 1 on cuda, else 0.")  # fmt: skip
@click.option("--only", type=click.Choice(["failed"]), default=None,
              help="Try again what failed; without it failed runs are left.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Show what is done and to do, compute nothing.")
@data_option
@store_option
@json_option
@click.pass_context
def command(  # noqa: PLR0917 - click passes every option by name
    ctx: click.Context,
    methods: str | None,
    sources: str,
    seeds: str,
    folds: str,
    backbones: str | None,
    frontends: str | None,
    benchmark: str,
    budget: str,
    settings: tuple[str, ...],
    jobs: int,
    threads: int,
    device: str,
    isolation: Isolation,
    ray: str | None,
    gpus_per_run: float | None,
    only: str | None,
    dry_run: bool,
    data: Path | None,
    store: Path,
    as_json: bool,
) -> None:
    """Run every combination that has no record yet.

    Ended runs are kept: interrupt it and type the same command again, and it goes on. The thread
    count is part of a run, so the same --jobs or --threads finds the same runs again.

    \b
    devbench sweep --methods baseline,freq-mixstyle,umc-synth --seeds 0-4
    devbench sweep --methods all --jobs 2
    devbench sweep --methods all --seeds 0-4 --ray auto --threads 2
    devbench sweep status
    """
    if ctx.invoked_subcommand is not None:
        return
    from devbench.benchmark.load import load_benchmark
    from devbench.cli.sweep_talk import SweepTalk
    from devbench.errors import EXIT_SWEEP, UsageError
    from devbench.results.store import Store
    from devbench.running.hardware import n_cpus
    from devbench.sweeping.asked import note_asked
    from devbench.sweeping.cells import Durations, plan_cells
    from devbench.sweeping.grid import Grid, benchmark_text, names, numbers, owned
    from devbench.sweeping.ray_cluster import connected, require_slots
    from devbench.sweeping.sweep import Sweep
    from devbench.talk import ConsoleTalk

    if methods is None:
        raise UsageError("no methods", fix="devbench sweep --methods A,B (or all)")
    _require_one_place(ctx, ray, gpus_per_run)
    loaded = load_benchmark(benchmark)
    chosen = _plugins("method", methods)
    devices = f"devbench ls devices --benchmark {benchmark}"
    grid = Grid(
        benchmark=benchmark_text(benchmark),
        methods=chosen,
        sources=names(sources, loaded.sources, "device", list_command=devices),
        seeds=numbers(seeds, "--seeds"),
        folds=list(range(loaded.splits.n_folds or 1)) if folds == "all"
        else numbers(folds, "--folds"),
        backbones=[*_plugins("backbone", backbones)] if backbones else [None],
        frontends=[*_plugins("frontend", frontends)] if frontends else [None],
        budget=budget,
        settings=owned(settings, chosen),
        device=cast("Literal['auto', 'cpu', 'cuda']", device),
        threads=threads or (1 if ray else max(1, n_cpus() // jobs)),
        isolation=isolation,
    )  # fmt: skip
    if ray and not dry_run:
        ctx.with_resource(connected(ray))
    opened = Store(store)
    sweep = Sweep(grid, opened)
    talk = ConsoleTalk(is_quiet=as_json)
    cells, impossible = plan_cells(
        grid, data=data, store=opened.folder, talk=talk, is_lenient=methods == "all"
    )
    talk.close()
    states = sweep.states(cell.run_id for cell in cells)
    wanted = "failed" if only else "to do"
    todo = [cell for cell in cells if states[cell.run_id] == wanted]
    durations = Durations(opened.records(lambda words: None))
    share = _share(todo, gpus_per_run) if ray and todo and not dry_run else None
    jobs = require_slots(share) if share else jobs
    if not as_json:
        _head(grid, cells, states, impossible, left_s=durations.estimate_s(todo, jobs))
    if dry_run:
        if as_json:
            _print_json(sweep, cells, states, impossible)
        return
    sweep.save()
    note_asked(sweep, benchmark=loaded.id, run_ids=list(states))
    watcher = SweepTalk(durations, n_jobs=jobs, total=len(todo), cells=todo, is_quiet=as_json)
    ended = _run(
        sweep, todo, watcher, data=data, n_jobs=jobs, is_cpu=device == "cpu", share=share
    )  # fmt: skip
    states = sweep.states(states)
    _notify(sweep, states, benchmark=loaded.id)
    if as_json:
        _print_json(sweep, cells, states, impossible)
    else:
        _tail(sweep, states, n_new=sum(one.code == 0 for one in ended))
    if "failed" in states.values():
        ctx.exit(EXIT_SWEEP)


def _require_one_place(ctx: click.Context, ray: str | None, gpus_per_run: float | None) -> None:
    """Refuse options of this machine with those of a cluster."""
    from devbench.errors import UsageError

    if ray and ctx.get_parameter_source("jobs") is not ParameterSource.DEFAULT:
        raise UsageError(
            "--jobs is for runs on this machine; with --ray the cluster decides",
            fix="leave out --jobs; --threads and --gpus-per-run say what a run takes of a node",
        )
    if gpus_per_run is not None and not ray:
        raise UsageError("--gpus-per-run is for --ray", fix="leave it out, or give --ray ADDRESS")


def _share(todo: Sequence[Cell], gpus_per_run: float | None) -> Share:
    """Return what each run takes of a node: its threads, and a GPU where none is said."""
    from devbench.sweeping.ray_cluster import Share

    plans = [cell.plan for cell in todo if cell.plan]
    if gpus_per_run is None:
        gpus_per_run = 1.0 if any(plan.device == "cuda" for plan in plans) else 0.0
    return Share(max(plan.threads for plan in plans), gpus_per_run)


def _run(
    sweep: Sweep,
    todo: Sequence[Cell],
    watcher: SweepTalk,
    *,
    data: Path | None,
    n_jobs: int,
    is_cpu: bool,
    share: Share | None,
) -> list[Ended]:
    """Run cells here, or, where there is a share for each, on the cluster that was joined."""
    from devbench.running.hardware import cuda_info
    from devbench.sweeping import local, on_ray

    n_gpus = 0 if is_cpu else len(cuda_info())
    where = (
        partial(on_ray.run_cells, share=share, warn=watcher.warn)
        if share
        else partial(local.run_cells, n_jobs=n_jobs, n_gpus=n_gpus)
    )
    try:
        return where(
            todo, data=data, store=sweep.store.folder, logs=sweep.folder / "logs",
            watcher=watcher, keep=sweep.keep,
        )  # fmt: skip
    finally:
        watcher.close()


@command.command("status")
@click.argument("sweep", required=False)
@data_option
@store_option
@json_option
def status_command(sweep: str | None, data: Path | None, store: Path, as_json: bool) -> None:
    """Show how far the sweeps of a store are; with the first digits of one, its rows."""
    from devbench.cli.ls import print_rows
    from devbench.files import pretty_json
    from devbench.results.store import Store
    from devbench.sweeping.cells import plan_cells
    from devbench.sweeping.sweep import find_sweep, saved_sweeps
    from devbench.talk import ConsoleTalk

    opened = Store(store)
    chosen = [find_sweep(opened, sweep)] if sweep else list(saved_sweeps(opened))
    rows: list[dict[str, Any]] = []
    for one in chosen:
        cells, _ = plan_cells(
            one.grid, data=data, store=opened.folder, talk=ConsoleTalk(is_quiet=True),
            is_lenient=True,
        )  # fmt: skip
        states, failed = one.states(cell.run_id for cell in cells), one.failed()
        if sweep:
            rows += [_row(cell, states[cell.run_id], opened, failed) for cell in cells]
        else:
            rows.append(_overview(one, Counter(states.values())))
    if as_json:
        click.echo(pretty_json(rows).decode(), nl=False)
    else:
        print_rows(rows, empty="no sweeps; devbench sweep --methods A,B --sources all")


def _plugins(kind: Literal["method", "backbone", "frontend"], text: str) -> list[str]:
    from devbench.registry import installed
    from devbench.sweeping.grid import names

    return names(text, installed(kind), kind, list_command=f"devbench ls {kind}s")


def _overview(sweep: Sweep, count: Counter[str]) -> dict[str, Any]:
    grid = sweep.grid
    return {
        "sweep": grid.sweep_id,
        "benchmark": Path(grid.benchmark).stem,
        "budget": grid.budget,
        "methods": len(grid.methods),
        "sources": len(grid.sources),
        "seeds": len(grid.seeds),
        "done": count["done"],
        "failed": count["failed"],
        "to do": count["to do"],
    }


def _axes(cell: Cell) -> dict[str, Any]:
    request = cell.request
    return {
        "method": request.method,
        "backbone": request.backbone or "",
        "frontend": request.frontend or "",
        "source": request.source,
        "seed": request.seed,
        "fold": request.fold,
    }


def _row(cell: Cell, state: str, store: Store, failed: dict[str, Any]) -> dict[str, Any]:
    record = store.get(cell.run_id) if state == "done" else None
    return {
        "run": cell.run_id[:12],
        **_axes(cell),
        "state": state,
        "mean_targets": f"{record.summary.mean_targets:.3f}" if record else "",
        "why": failed[cell.run_id].what if state == "failed" else "",
    }


def _head(
    grid: Grid,
    cells: Sequence[Cell],
    states: Mapping[str, str],
    impossible: Sequence[Impossible],
    *,
    left_s: float | None,
) -> None:
    from devbench.talk import duration, printable

    count = Counter(states[cell.run_id] for cell in cells)
    time = f", about {duration(left_s)}" if left_s else ""
    click.echo(
        f"sweep {grid.sweep_id}: {len(cells)} runs, {count['done']} done, "
        f"{count['failed']} failed, {count['to do']} to do{time}"
    )
    for one in impossible:
        words = f"left out: {one.method}: {one.reason} ({one.fix})"
        click.echo(printable(" ".join(words.split())), err=True)


def _notify(sweep: Sweep, states: Mapping[str, str], *, benchmark: str) -> None:
    """Tell observers that a sweep ended; what fails there is a warning."""
    from devbench.running.observe import Observers
    from devbench.talk import printable

    document = {
        "sweep_id": sweep.grid.sweep_id,
        "benchmark": benchmark,
        "grid": sweep.grid.model_dump(mode="json"),
        "cells": dict(states),
    }
    with Observers(timeout_s=SWEEP_TIMEOUT_S) as observers:
        for words in observers.sweep_finished(document, sweep.store.folder):
            click.echo(printable(f"warning: {words}"), err=True)


def _tail(sweep: Sweep, states: dict[str, Any], *, n_new: int) -> None:
    count = Counter(states.values())
    click.echo(f"{n_new} runs ended now; {count['done']} of {len(states)} done")
    if count["failed"]:
        click.echo(
            f"{count['failed']} failed: devbench sweep status {sweep.grid.sweep_id}   # why\n"
            "the same command with --only failed tries them again",
            err=True,
        )
    click.echo("next: devbench leaderboard", err=True)


def _print_json(
    sweep: Sweep, cells: Sequence[Cell], states: dict[str, Any], impossible: Sequence[Impossible]
) -> None:
    from dataclasses import asdict

    from devbench.files import pretty_json

    document = {
        "sweep": sweep.grid.sweep_id,
        "cells": [
            {**_axes(cell), "run_id": cell.run_id, "state": states[cell.run_id]} for cell in cells
        ],
        "impossible": [asdict(one) for one in impossible],
    }  # fmt: skip
    click.echo(pretty_json(document).decode(), nl=False)
