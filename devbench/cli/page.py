"""devbench page: the leaderboard in a browser, from a server on this machine."""

from __future__ import annotations

from pathlib import Path

import click

from devbench.cli.options import (
    data_option,
    only_benchmark_option,
    only_budget_option,
    records_option,
    store_option,
)


@click.group()
def command() -> None:
    """Look at the leaderboard in a browser."""


@command.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    show_default=True,
    help="Port of 127.0.0.1; 0: a free one.",
)
@only_benchmark_option
@only_budget_option
@records_option
@store_option
@data_option
def serve(
    *,
    port: int,
    benchmark: str | None,
    budget: str | None,
    records: Path | None,
    store: Path,
    data: Path | None,
) -> None:
    """Serve the rendered page on 127.0.0.1 until Ctrl-C.

    \b
    devbench page serve
    devbench page serve --records leaderboards/sim7/records --port 8000
    """
    from devbench.api import gather
    from devbench.cli.leaderboard import warn
    from devbench.pages.devices import responses_in
    from devbench.pages.render import render_page
    from devbench.pages.server import PageServer
    from devbench.results.expected import corpus_folders
    from devbench.results.published import published_rows
    from devbench.results.render import Board

    gathered = gather(records, store, data, warn=warn).only(benchmark=benchmark, budget=budget)
    page = render_page(
        Board(gathered.blocks(warn=warn), tuple(published_rows())),
        gathered.records,
        responses=responses_in(corpus_folders(store, data)),
    )
    with PageServer(page, port=port) as server:
        click.echo(server.url)
        click.echo("serving the leaderboard; end with Ctrl-C", err=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo("\nended", err=True)
