"""devbench sweep: every combination of methods, sources, seeds, folds and backbones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
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
    from devbench.results.store import Store
    from devbench.running.plan import Isolation
    from devbench.sweeping.cells import Cell
    from devbench.sweeping.pipeline import PlannedSweep
    from devbench.sweeping.sweep import Sweep


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
    from devbench.errors import EXIT_SWEEP, UsageError
    from devbench.results.store import Store
    from devbench.sweep_talk import SweepTalk
    from devbench.sweeping.pipeline import SweepRequest, grid_of, joined, plan_sweep, run_sweep
    from devbench.talk import ConsoleTalk

    if methods is None:
        raise UsageError("no methods", fix="devbench sweep --methods A,B (or all)")
    is_default = ctx.get_parameter_source("jobs") is ParameterSource.DEFAULT
    request = SweepRequest(
        methods=methods,
        sources=sources,
        seeds=seeds,
        folds=folds,
        backbones=backbones,
        frontends=frontends,
        benchmark=benchmark,
        budget=budget,
        settings=settings,
        jobs=None if is_default else jobs,
        threads=threads,
        device=cast("Literal['auto', 'cpu', 'cuda']", device),
        isolation=isolation,
        ray=ray,
        gpus_per_run=gpus_per_run,
        only=cast("Literal['failed'] | None", only),
    )
    grid = grid_of(request)
    if not dry_run:
        ctx.with_resource(joined(request))
    talk = ConsoleTalk(is_quiet=as_json)
    planned = plan_sweep(
        request, grid, data=data, store=Store(store), talk=talk, is_dry=dry_run
    )  # fmt: skip
    talk.close()
    if not as_json:
        _head(planned)
    if dry_run:
        if as_json:
            _print_json(planned, planned.states)
        return
    watcher = SweepTalk(
        planned.durations, n_jobs=planned.n_jobs, cells=planned.todo, is_quiet=as_json
    )  # fmt: skip
    ended, states = run_sweep(planned, watcher)
    if as_json:
        _print_json(planned, states)
    else:
        _tail(planned.sweep, states, n_new=sum(one.code == 0 for one in ended))
    if "failed" in states.values():
        ctx.exit(EXIT_SWEEP)


@command.command("status")
@click.argument("sweep", required=False)
@data_option
@store_option
@json_option
def status_command(sweep: str | None, data: Path | None, store: Path, as_json: bool) -> None:
    """Show how far the sweeps of a store are; with the first digits of one, its rows."""
    from devbench.cli.ls import print_rows
    from devbench.errors import DevbenchError
    from devbench.files import pretty_json
    from devbench.results.store import Store
    from devbench.sweeping.asked import families
    from devbench.sweeping.cells import plan_cells
    from devbench.sweeping.sweep import find_sweep, saved_sweeps
    from devbench.talk import ConsoleTalk, printable

    opened = Store(store)
    chosen = [find_sweep(opened, sweep)] if sweep else list(saved_sweeps(opened))
    rows: list[dict[str, Any]] = []
    for one in chosen:
        try:
            cells, _ = plan_cells(
                one.grid, data=data, store=opened.folder, talk=ConsoleTalk(is_quiet=True),
                is_lenient=True,
            )  # fmt: skip
        except DevbenchError as error:  # its plugin or its benchmark file is gone, say
            if sweep:
                raise
            words = f"warning: sweep {one.grid.sweep_id} as it was asked for: {error.what}"
            click.echo(printable(words), err=True)
            asked = [f for f in families(opened) if f.sweep_id == one.grid.sweep_id]
            rows += [_overview(one, Counter(family.states().values())) for family in asked]
            continue
        states, failed = one.states(cell.run_id for cell in cells), one.failed()
        if sweep:
            rows += [_row(cell, states[cell.run_id], opened, failed) for cell in cells]
        else:
            rows.append(_overview(one, Counter(states.values())))
    if as_json:
        click.echo(pretty_json(rows).decode(), nl=False)
    else:
        print_rows(rows, empty="no sweeps; devbench sweep --methods A,B --sources all")


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


def _row(cell: Cell, state: str, store: Store, failed: dict[str, Any]) -> dict[str, Any]:
    record = store.get(cell.run_id) if state == "done" else None
    return {
        "run": cell.run_id[:12],
        **cell.axes,
        "state": state,
        "mean_targets": f"{record.summary.mean_targets:.3f}" if record else "",
        "why": failed[cell.run_id].what if state == "failed" else "",
    }


def _head(planned: PlannedSweep) -> None:
    from devbench.talk import duration, printable

    count, left_s = planned.count, planned.left_s
    time = f", about {duration(left_s)}" if left_s else ""
    click.echo(
        f"sweep {planned.sweep.grid.sweep_id}: {len(planned.cells)} runs, {count['done']} done, "
        f"{count['failed']} failed, {count['to do']} to do{time}"
    )
    for one in planned.impossible:
        click.echo(printable(f"left out: {one}"), err=True)


def _tail(sweep: Sweep, states: Mapping[str, str], *, n_new: int) -> None:
    count = Counter(states.values())
    click.echo(f"{n_new} runs ended now; {count['done']} of {len(states)} done")
    if count["failed"]:
        click.echo(
            f"{count['failed']} failed: devbench sweep status {sweep.grid.sweep_id}   # why\n"
            "the same command with --only failed tries them again",
            err=True,
        )
    click.echo("next: devbench leaderboard", err=True)


def _print_json(planned: PlannedSweep, states: Mapping[str, str]) -> None:
    from dataclasses import asdict

    from devbench.files import pretty_json

    document = {
        "sweep": planned.sweep.grid.sweep_id,
        "cells": [
            {**cell.axes, "run_id": cell.run_id, "state": states[cell.run_id]}
            for cell in planned.cells
        ],
        "impossible": [asdict(one) for one in planned.impossible],
    }
    click.echo(pretty_json(document).decode(), nl=False)
