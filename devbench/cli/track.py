"""devbench track: the MLflow mirror of the records."""

from __future__ import annotations

from pathlib import Path

import click

from devbench.cli.options import json_option, store_option


@click.group()
def command() -> None:
    """Mirror records into MLflow."""


@command.command()
@store_option
@click.option(
    "--uri",
    default=None,
    envvar="MLFLOW_TRACKING_URI",
    show_envvar=True,
    help="MLflow store; default: mlflow.db in the store.",
)
@click.option(
    "--rebuild",
    "is_rebuild",
    is_flag=True,
    help="Make the store's mlflow.db anew from the records; notes made in MLflow are lost.",
)
@json_option
def sync(store: Path, uri: str | None, is_rebuild: bool, as_json: bool) -> None:
    """Mirror every record and every sweep that is not in MLflow yet.

    \b
    devbench track sync
    devbench track sync --uri http://127.0.0.1:5000
    """
    import dataclasses
    import json

    from devbench.errors import DataError
    from devbench.results.store import Store
    from devbench.talk import printable
    from devbench.tracking import sync as tracking

    def warn(text: str) -> None:
        click.echo(printable(f"devbench: warning: {text}"), err=True)

    if not store.is_dir():
        raise DataError(
            f"no store at {str(store)!r}", fix="give --store DIR, or make a run first: devbench run"
        )
    work = tracking.rebuild if is_rebuild else tracking.sync
    done = work(Store(store), uri, warn=warn, progress=_show_progress)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(done), sort_keys=True, indent=2))
        return
    sweeps = f", {done.sweeps} sweeps" if done.sweeps else ""
    click.echo(
        f"mirrored {done.written}, already there {done.kept} "
        f"({done.records} records, {done.failures} failed runs{sweeps})"
    )
    click.echo(f"at {done.uri}")
    if not done.uri.startswith("http"):
        click.echo(f"look: mlflow ui --host 127.0.0.1 --backend-store-uri {done.uri}", err=True)


def _show_progress(done: int, total: int) -> None:
    """Say on stderr how far it is: on one line of a terminal, else every hundred runs."""
    import sys

    if sys.stderr.isatty():
        click.echo(f"\rmirroring {done} of {total}", err=True, nl=done == total)
    elif done == total or done % 100 == 0:
        click.echo(f"mirroring {done} of {total}", err=True)
