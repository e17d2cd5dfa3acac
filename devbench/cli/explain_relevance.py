"""devbench explain relevance: which bands and times decide, per device."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from devbench.cli.explain_options import benchmark_file_option, common_options, figure_option

if TYPE_CHECKING:
    from devbench.explaining.relevance import Relevance


@click.command("relevance")
@click.argument("run")
@click.option(
    "--bands", default=10, show_default=True, help="Bands of equal width in mel, 2 to 40."
)
@click.option(
    "--fill",
    type=click.Choice(["clip-mean", "silence", "band-stop"]),
    default=None,
    help="What stands in for a band; default: clip-mean, band-stop without frequency bins.",
)
@click.option(
    "--clips",
    default=40,
    show_default=True,
    type=click.IntRange(1, 100_000),
    help="Clips of each device whose logits are explained; occlusion takes all.",
)
@figure_option
@benchmark_file_option
@common_options
def command(
    *,
    run: str,
    bands: int,
    fill: Literal["clip-mean", "silence", "band-stop"] | None,
    clips: int,
    figure: Path | None,
    benchmark_file: str | None,
    device: str,
    threads: int,
    data: Path | None,
    store: Path,
    as_json: bool,
) -> None:
    """Tell which bands and times decide in RUN, per device.

    Three measures: macro F1 that is lost without a band, gradient x input, and layer-wise relevance
    propagation where its rules cover the backbone. Kept as diagnosis/RUN_ID/relevance.json.

    \b
    devbench explain relevance 5fb05214 --figure relevance.svg
    """
    from devbench.cli.explain_options import (
        asked_runs,
        echo_kept,
        in_words,
        require_figure,
        write_figure,
    )
    from devbench.explaining.bands import mel_groups
    from devbench.explaining.relevance import NAME, table
    from devbench.explaining.shelf import keep
    from devbench.results.commands import command_line
    from devbench.results.store import Store
    from devbench.talk import ConsoleTalk

    require_figure(figure)
    mel_groups(bands, 10_000.0)  # refuses a number of bands that cannot be
    opened = Store(store)
    (asked,) = asked_runs(
        [run], opened, benchmark_file=benchmark_file, device=device, threads=threads, data=data
    )
    from devbench.running.relevance import Question, explain_relevance
    from devbench.running.stored_run import open_run

    options = {"--bands": bands, "--fill": fill, "--clips": clips, "--benchmark": benchmark_file}
    question = Question(
        n_bands=bands,
        fill=fill,
        n_explained=clips,
        command=command_line(["explain", "relevance", asked.record.run_id], options),
    )
    talk = ConsoleTalk()
    try:
        found = explain_relevance(open_run(asked, opened, talk=talk), question, talk=talk)
    finally:
        talk.close()
    path = keep(opened, found.run_id, NAME, found.to_json())
    if figure is not None:
        from devbench.explaining.relevance_figure import draw_relevance

        words = in_words(f"Which bands decide, {found.method}; bands in Hz", table(found))
        write_figure(figure, lambda: draw_relevance(found), words)
    for entry in found.missing:
        talk.warn(f"no {entry.part}: {entry.why} (fix: {entry.fix})")
    for warning in found.warnings:
        talk.warn(warning)
    if as_json:
        click.echo(found.to_json().decode(), nl=False)
        return
    _print(found)
    echo_kept(path)


def _print(found: Relevance) -> None:
    from devbench.cli.explain_options import echo_table
    from devbench.explaining.relevance import table
    from devbench.talk import printable

    words = (
        f"{found.method} from {found.source} on {found.benchmark.id}, {found.backbone.name}, "
        f"{found.frontend.name}; run {found.run_id[:12]}; bands in Hz, taken out as "
        f"{found.settings.fill}"
    )
    click.echo(printable(words))
    echo_table(table(found))
    kept = {
        name: [d.measures[name].kept for d in found.devices if name in d.measures]
        for name in sorted({name for device in found.devices for name in device.measures})
    }
    for name, values in kept.items():
        known = [value for value in values if value is not None]
        if known:
            click.echo(
                f"{name}: its sum is {min(known):.2f} to {max(known):.2f} of the logit; the rest "
                "is what biases hold"
            )
