"""devbench explain information: what the layers of a network tell of the device."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from devbench.cli.explain_options import (
    OF_RUNS,
    common_options,
    figure_option,
    seeds_option,
    target_option,
)
from devbench.cli.options import budget_option, fold_option, settings_option

if TYPE_CHECKING:
    from devbench.explaining.documents import Information


@click.command("information")
@click.argument("runs", metavar="[RUN]...", nargs=-1)
@click.option(
    "--converter",
    "converters",
    multiple=True,
    metavar="METHOD",
    help="The converter of a method, such as umc-real or mc-200; may be repeated.",
)
@click.option("--source", default=None, help="Device that is converted from; default: the first.")
@click.option(
    "--benchmark",
    default="sim7",
    show_default=True,
    help=f"Of --converter: name, or a TOML file; else {OF_RUNS}",
)
@budget_option
@fold_option
@settings_option
@target_option
@seeds_option
@figure_option
@common_options
def command(
    *,
    runs: tuple[str, ...],
    converters: tuple[str, ...],
    source: str | None,
    benchmark: str,
    budget: str,
    fold: int,
    settings: tuple[str, ...],
    target: str | None,
    n_seeds: int,
    figure: Path | None,
    device: str,
    threads: int,
    data: Path | None,
    store: Path,
    as_json: bool,
) -> None:
    """Measure at least how much each layer's statistics tell of the device, in nats.

    --budget, --fold and --set are of --converter. Kept as diagnosis/RUN_ID/information.json.

    \b
    devbench explain information RUN
    devbench explain information --converter umc-real --converter mc-200 --figure figure.svg
    """
    from devbench.benchmark.load import load_benchmark
    from devbench.cli.explain_options import (
        asked_runs,
        protocol_of,
        require_figure,
        write_figure,
    )
    from devbench.errors import UsageError
    from devbench.files import pretty_json
    from devbench.results.store import Store
    from devbench.running.conversion import plan_sources
    from devbench.running.explain import information_of_converter, information_of_run
    from devbench.running.hardware import chosen_device
    from devbench.running.plan import Request
    from devbench.talk import ConsoleTalk

    if not runs and not converters:
        raise UsageError(
            "name a run, or --converter METHOD",
            fix="devbench explain information RUN (list them: devbench ls runs)",
        )
    require_figure(figure)
    opened, protocol = Store(store), protocol_of(n_seeds)
    own_file = benchmark if benchmark.endswith(".toml") else None
    asked = asked_runs(
        runs, opened, benchmark_file=own_file, device=device, threads=threads, data=data
    )
    for run in asked:
        run.classifier_for(target)  # a target without one is refused before any work
    chosen = source or load_benchmark(benchmark).sources[0]
    talk = ConsoleTalk()
    found: list[Information] = []
    try:
        plans = [
            plan_sources(
                Request(
                    method=method,
                    source=chosen,
                    benchmark=benchmark,
                    budget=budget,
                    fold=fold,
                    settings=settings,
                    device=chosen_device(device),
                    threads=threads,
                ),
                [chosen],
                data=data,
                store=opened.folder,
                talk=talk,
            )[chosen]
            for method in converters
        ]
        found += [
            information_of_run(run, opened, protocol, target=target, talk=talk) for run in asked
        ]
        found += [information_of_converter(plan, opened, protocol, talk=talk) for plan in plans]
    finally:
        talk.close()
    if figure is not None:
        from devbench.explaining.picture import alternative, draw_information

        words = "; ".join(alternative(document) for document in found)
        write_figure(figure, lambda: draw_information(found), words)
    if as_json:
        documents = [document.model_dump(mode="json", by_alias=True) for document in found]
        click.echo(pretty_json(documents).decode(), nl=False)
        return
    for number, document in enumerate(found):
        if number:
            click.echo()
        _print(document, opened.folder)


def _print(document: Information, store: Path) -> None:
    from devbench.cli.explain_options import echo_kept, echo_table
    from devbench.explaining.documents import place
    from devbench.explaining.tables import information_table
    from devbench.talk import printable

    clips = document.clips
    label = "device converted to" if document.network.form == "converter" else "device"
    click.echo(printable(document.network.title))
    click.echo(
        f"{label}: one of {len(clips.devices)}, H {clips.entropy_nats:.3f} nats, chance "
        f"{clips.chance:.3f}; {clips.n_events} test events of all devices, {clips.n_windows} "
        f"windows, {len(document.protocol.seeds)} seeds"
    )
    echo_table(information_table(document), 3)
    echo_kept(place(document.network, document.kind, store))
