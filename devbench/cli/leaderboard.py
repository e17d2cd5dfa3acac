"""devbench leaderboard: rank methods per track, from records that are verified on the way."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from devbench.cli.options import (
    data_option,
    only_benchmark_option,
    only_budget_option,
    records_option,
    store_option,
)

if TYPE_CHECKING:
    from devbench.results.gather import Gathered
    from devbench.results.render import Board


@click.command("leaderboard")
@only_benchmark_option
@only_budget_option
@click.option(
    "--format",
    "form",
    type=click.Choice(("text", "md", "csv", "json", "html", "latex")),
    default="text",
    show_default=True,
    help="What is printed.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Write leaderboard.md, .csv, .json and .html into this folder instead of printing.",
)
@click.option("--check", "is_check", is_flag=True, help="Compare with the files in --out.")
@click.option(
    "--published/--no-published",
    default=True,
    show_default=True,
    help="Show the rows of the papers in a block of their own.",
)
@records_option
@click.option(
    "--from-mlflow",
    "uri",
    metavar="URI",
    default=None,
    help="An MLflow store that records were mirrored to; its rows are claims (V0), too.",
)
@store_option
@data_option
@click.pass_context
def command(
    ctx: click.Context,
    *,
    benchmark: str | None,
    budget: str | None,
    form: str,
    out: Path | None,
    is_check: bool,
    published: bool,
    records: Path | None,
    uri: str | None,
    store: Path,
    data: Path | None,
) -> None:
    """Rank methods per track; every figure is recomputed from stored logits first (V1)."""
    from devbench.api import gather
    from devbench.errors import UsageError
    from devbench.results.bulk import many_objects
    from devbench.results.published import published_rows
    from devbench.results.render import Board
    from devbench.results.store import Store

    if is_check and out is None:
        raise UsageError("--check needs a folder", fix="give --out DIR with the rendered files")
    ctx.with_resource(many_objects())
    gathered = gather(records, store, data, uri=uri, warn=warn)
    gathered = gathered.only(benchmark=benchmark, budget=budget)
    board = Board(gathered.blocks(warn=warn), tuple(published_rows()) if published else None)
    if out is None:
        _print(board, gathered, form)
    elif is_check:
        _check(_files(board, gathered), out)
    else:
        _write(_files(board, gathered), out)
    if not board.blocks:
        words = "no runs to show (see the warnings, or the filters); next: devbench ls runs"
        if records is None and uri is None and not Store(store).run_ids():
            words = "no runs yet; next: devbench run --method umc-synth --source iphone14"
        click.echo(words, err=True)


def warn(words: str) -> None:
    """Print a warning."""
    from devbench.results.render import clean_line

    click.echo(f"warning: {clean_line(words)}", err=True)


def _print(board: Board, gathered: Gathered, form: str) -> None:
    if form == "text" and sys.stdout.isatty():
        from devbench.results.terminal import print_board

        print_board(board)
    else:
        # RFC 4180 ends CSV lines with \r\n; as bytes, no layer translates them
        click.echo(_rendered(board, gathered, form).encode(), nl=False)


def _rendered(board: Board, gathered: Gathered, form: str) -> str:
    from devbench.results.render import RENDERERS, render_text

    if form == "html":
        from devbench.pages.render import render_page

        return render_page(board, gathered.records)
    if form == "latex":
        from devbench.results.latex import render_latex

        return render_latex(board)
    return render_text(board) if form == "text" else RENDERERS[form](board)


def _files(board: Board, gathered: Gathered) -> Iterator[tuple[str, str]]:
    """Yield (file name, content) of the files that --out writes."""
    from devbench.results.render import render_files

    yield from render_files(board)
    yield "leaderboard.html", _rendered(board, gathered, "html")


def _write(files: Iterable[tuple[str, str]], out: Path) -> None:
    from devbench.files import publish

    for name, content in files:
        publish(out / name, content.encode(), replace=True)
        click.echo(str(out / name))


def _check(files: Iterable[tuple[str, str]], out: Path) -> None:
    from devbench.errors import CheckError
    from devbench.files import read_bytes
    from devbench.results.render import first_difference

    for name, content in files:
        path = out / name
        if not path.exists():
            raise CheckError(f"{path} is missing", fix="the same command without --check")
        found = read_bytes(path).decode(errors="replace")
        difference = first_difference(content, found)
        if difference is not None:
            line, expected, held = difference
            raise CheckError(
                f"{path}: line {line} is {held[:160]!r}, rendered {expected[:160]!r}",
                fix="the same command without --check (tables are rendered, never edited)",
            )
    click.echo(f"{out}: as rendered", err=True)
