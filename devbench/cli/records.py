"""devbench records: carry records and logits from one store to another."""

from __future__ import annotations

from pathlib import Path

import click

from devbench.cli.options import json_option, store_option


@click.group("records")
def command() -> None:
    """Export runs to a file, add runs from one, or publish them in a folder."""


@command.command("export")
@click.argument("runs", metavar="RUN...", nargs=-1)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The zip file to write.",
)
@click.option("--all", "is_all", is_flag=True, help="Export every run of the store.")
@click.option("--weights", "with_weights", is_flag=True, help="Include weights, for V2.")
@store_option
def export_command(
    *, runs: tuple[str, ...], out: Path, is_all: bool, with_weights: bool, store: Path
) -> None:
    """Write runs (by the first digits of their run_id), verified at V1, into one zip file."""
    from devbench.errors import UsageError
    from devbench.results.bundle import export
    from devbench.results.store import Store

    opened = Store(store)
    if bool(runs) == is_all:
        raise UsageError("give runs, or --all", fix="devbench records export RUN... --out FILE.zip")
    run_ids = opened.run_ids() if is_all else [opened.find_id(run) for run in runs]
    if not run_ids:
        raise UsageError("the store holds no runs", fix="devbench run --method freq-mixstyle")
    n_members = export(opened, sorted(set(run_ids)), out, with_weights=with_weights)
    click.echo(
        f"{len(set(run_ids))} runs in {n_members} files written to {out}\n"
        f"next: devbench records add {out} --store OTHER"
    )


@command.command("publish")
@click.argument("runs", metavar="RUN...", nargs=-1)
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Gets records/ and answers/.",
)
@click.option("--all", "is_all", is_flag=True, help="Publish every run of the store.")
@click.option("--benchmark", default=None, help="With --all: only this benchmark.")
@click.option("--budget", default=None, help="With --all: only this budget.")
@store_option
def publish_command(
    *,
    runs: tuple[str, ...],
    folder: Path,
    is_all: bool,
    benchmark: str | None,
    budget: str | None,
    store: Path,
) -> None:
    """Write records and answers, a few kB a run, to be read and ranked without logits.

    Every run is verified at V1 first. Runs that are there already are written anew.
    """
    from devbench.errors import UsageError
    from devbench.results.folder import write_folder
    from devbench.results.store import Store

    opened = Store(store)
    if bool(runs) == is_all:
        raise UsageError("give runs, or --all", fix="devbench records publish --all --to DIR")
    if is_all:
        run_ids = [
            record.run_id
            for record in opened.records(lambda words: None)
            if benchmark in (None, record.plan.benchmark.id)
            and budget in (None, record.plan.budget)
        ]
    else:
        run_ids = [opened.find_id(run) for run in runs]
    if not run_ids:
        raise UsageError("the store holds no such runs", fix="devbench ls runs")
    n_new = write_folder(opened, sorted(set(run_ids)), folder)
    click.echo(
        f"{len(set(run_ids))} runs in {folder}, {n_new} of them new\n"
        f"next: devbench leaderboard --records {folder / 'records'} --out {folder}"
    )


@command.command("add")
@click.argument("file", metavar="FILE.zip", type=click.Path(path_type=Path, dir_okay=False))
@store_option
@json_option
def add_command(file: Path, store: Path, as_json: bool) -> None:
    """Let the runs of a zip file join the store, after V0 and V1 of every one of them."""
    from devbench.files import pretty_json
    from devbench.results.bundle import add
    from devbench.results.store import Store

    added = add(Store(store), file)
    if as_json:
        document = {"joined": list(added.joined), "present": list(added.present)}
        click.echo(pretty_json(document).decode(), nl=False)
        return
    for run_id in added.joined:
        click.echo(f"{run_id[:12]}  joined")
    for run_id in added.present:
        click.echo(f"{run_id[:12]}  was there already")
    click.echo("next: devbench leaderboard", err=True)
