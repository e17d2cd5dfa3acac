"""devbench report: one run, or the runs of a method, as a page with sounds."""

from __future__ import annotations

from pathlib import Path

import click

from devbench.cli.options import data_option, store_option


@click.command("report")
@click.argument("name", metavar="RUN|METHOD")
@click.option("--benchmark", default=None, help="Of a method's runs; default: of its newest run.")
@click.option("--budget", default=None, help="Likewise: quick, standard or paper.")
@click.option("--backbone", default=None, help="Likewise.")
@click.option("--source", default=None, help="Only a method's runs from this device.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("report.html"),
    show_default=True,
    help="HTML file to write; one that is there is replaced.",
)
@click.option(
    "--figures",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Write the pictures into this folder, too, as PNG and SVG for a paper.",
)
@store_option
@data_option
def command(
    *,
    name: str,
    benchmark: str | None,
    budget: str | None,
    backbone: str | None,
    source: str | None,
    out: Path,
    figures: Path | None,
    store: Path,
    data: Path | None,
) -> None:
    """Write what a run (its first digits) or a method did as one page that needs no network.

    \b
    devbench report 018f8bdd0e51
    devbench report spectrum-match --source iphone14 --out spectrum-match.html --figures figures
    """
    from devbench.files import publish
    from devbench.reports.chosen import Wanted, choose
    from devbench.results.store import Store
    from devbench.talk import ConsoleTalk

    opened = Store(store)
    talk = ConsoleTalk()
    wanted = Wanted(name, _id_of(benchmark), budget, backbone, source)
    try:
        chosen = choose(opened, wanted, warn=talk.warn)

        from devbench.pages.devices import responses_in
        from devbench.reports.render import render_report
        from devbench.reports.view import make_report
        from devbench.results.expected import Expectation, corpus_folders

        folders = corpus_folders(opened.folder, data)
        expectation = Expectation(folders, benchmark_file=_file_of(benchmark))
        made = make_report(chosen, opened, expectation, responses_in(folders), talk)
        talk.phase("page")
        files = {out: render_report(made.view).encode()}
        if figures is not None:
            from devbench.reports.figures import figure_files

            talk.phase("figures")
            files |= {figures / key: data for key, data in figure_files(made).items()}
    finally:
        talk.close()
    for path, content in files.items():
        publish(path, content, replace=True)
        click.echo(str(path))
    for words in made.view.missing.values():
        talk.warn(f"left out: {words}")


def _file_of(benchmark: str | None) -> str | None:
    return benchmark if benchmark and benchmark.endswith(".toml") else None


def _id_of(benchmark: str | None) -> str | None:
    """Return what records call a benchmark that is given by name or by file."""
    from devbench.benchmark.load import load_benchmark

    return load_benchmark(benchmark).id if _file_of(benchmark) and benchmark else benchmark
