"""devbench explain identity: how well the device can be told along a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from devbench.cli.explain_talk import seeds_option, target_option
from devbench.cli.options import data_option, device_option, json_option, store_option

if TYPE_CHECKING:
    from devbench.explaining.documents import Identity


@click.command("identity")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@click.option(
    "--benchmark",
    default=None,
    metavar="FILE.toml",
    help="The benchmark file, for runs of a benchmark that was given by path.",
)
@target_option
@seeds_option
@device_option
@data_option
@store_option
@json_option
def command(
    *,
    runs: tuple[str, ...],
    benchmark: str | None,
    target: str | None,
    n_seeds: int,
    device: str,
    data: Path | None,
    store: Path,
    as_json: bool,
) -> None:
    """Measure how well the device can be told from recordings, converted ones and the embedding.

    A robust classifier keeps little of the device: its embedding comes near chance.
    """
    from devbench.cli.explain_talk import asked_runs, protocol_of
    from devbench.files import pretty_json
    from devbench.results.store import Store
    from devbench.running.explain import identity_of_run
    from devbench.talk import ConsoleTalk

    opened, protocol = Store(store), protocol_of(n_seeds)
    asked = asked_runs(runs, opened, benchmark=benchmark, data=data, target=target, device=device)
    talk = ConsoleTalk()
    try:
        found = [identity_of_run(run, opened, protocol, talk=talk) for run in asked]
    finally:
        talk.close()
    if as_json:
        documents = [document.model_dump(mode="json", by_alias=True) for document in found]
        click.echo(pretty_json(documents).decode(), nl=False)
        return
    for number, document in enumerate(found):
        if number:
            click.echo()
        _print(document, opened.folder)


def _print(document: Identity, store: Path) -> None:
    from devbench.cli.explain_talk import print_table
    from devbench.explaining.documents import place
    from devbench.explaining.tables import identity_table
    from devbench.talk import printable

    click.echo(printable(document.network.title))
    f1 = f"macro F1: targets {document.mean_targets_f1:.3f}"
    click.echo(
        f1 + (f", source {document.source_f1:.3f}" if document.source_f1 is not None else "")
    )
    print_table(identity_table(document), 1)
    for note in document.notes:
        click.echo(printable(f"not measured: {note}"))
    click.echo(f"kept: {place(document.network, document.kind, store)}", err=True)
