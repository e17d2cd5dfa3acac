"""devbench explain identity: how well the device can be told along a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from devbench.cli.explain_options import (
    benchmark_file_option,
    common_options,
    seeds_option,
    target_option,
)

if TYPE_CHECKING:
    from devbench.explaining.documents import Identity


@click.command("identity")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@target_option
@seeds_option
@benchmark_file_option
@common_options
def command(
    *,
    runs: tuple[str, ...],
    target: str | None,
    n_seeds: int,
    benchmark_file: str | None,
    device: str,
    threads: int,
    data: Path | None,
    store: Path,
    as_json: bool,
) -> None:
    """Measure how well the device can be told from recordings, converted ones and the embedding.

    A robust classifier keeps little of the device: its embedding comes near chance. Kept as
    diagnosis/RUN_ID/identity.json.

    \b
    devbench explain identity 5fb05214 c914995e
    """
    from devbench.cli.explain_options import asked_runs, protocol_of
    from devbench.files import pretty_json
    from devbench.results.store import Store
    from devbench.running.explain import identity_of_run
    from devbench.talk import ConsoleTalk

    opened, protocol = Store(store), protocol_of(n_seeds)
    asked = asked_runs(
        runs, opened, benchmark_file=benchmark_file, device=device, threads=threads, data=data
    )
    for run in asked:
        run.classifier_for(target)  # a target without one is refused before any work
    talk = ConsoleTalk()
    try:
        found = [identity_of_run(run, opened, protocol, target=target, talk=talk) for run in asked]
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
    from devbench.cli.explain_options import echo_kept, echo_table
    from devbench.explaining.documents import place
    from devbench.explaining.tables import identity_table
    from devbench.talk import printable

    click.echo(printable(document.network.title))
    f1 = f"macro F1: targets {document.mean_targets_f1:.3f}"
    click.echo(
        f1 + (f", source {document.source_f1:.3f}" if document.source_f1 is not None else "")
    )
    echo_table(identity_table(document))
    for note in document.notes:
        click.echo(printable(f"not measured: {note}"))
    echo_kept(place(document.network, document.kind, store))
