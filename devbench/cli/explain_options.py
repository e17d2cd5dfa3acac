"""What the commands of `devbench explain` share: options, the way to a stored run, and words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from devbench.cli.options import (
    data_option,
    device_option,
    json_option,
    store_option,
    threads_option,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from devbench.explaining.documents import Protocol
    from devbench.results.store import Store
    from devbench.running.stored_run import Asked

FIGURES = (".svg", ".png")
MAX_SEEDS = 20
OF_RUNS = "the benchmark file, for runs of a benchmark that was given by path."

benchmark_file_option = click.option(
    "--benchmark",
    "benchmark_file",
    default=None,
    metavar="FILE.toml",
    help=OF_RUNS.capitalize(),
)
"""Pass `benchmark_file: str | None` from --benchmark."""

figure_option = click.option(
    "--figure",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    metavar="FILE",
    help="Draw it: .svg or .png.",
)
"""Pass `figure: Path | None` from --figure."""

target_option = click.option(
    "--target",
    default=None,
    metavar="DEVICE",
    help="Whose classifier, of a run with one per target; default: the first.",
)
"""Pass `target: str | None` from --target."""

seeds_option = click.option(
    "--seeds",
    "n_seeds",
    type=click.IntRange(1, MAX_SEEDS),
    default=3,
    show_default=True,
    help="How often the auxiliary classifier is trained, each time on another split.",
)
"""Pass `n_seeds: int` from --seeds."""


def common_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add what every question takes: `device`, `threads`, `data`, `store` and `as_json`."""
    for option in (json_option, store_option, data_option, threads_option, device_option):
        command = option(command)
    return command


def asked_runs(
    runs: Sequence[str],
    store: Store,
    *,
    benchmark_file: str | None,
    device: str,
    threads: int,
    data: Path | None,
) -> list[Asked]:
    """Return stored runs by the first digits of their run_id; mistakes are found before work."""
    from devbench.results.expected import Expectation, corpus_folders

    records = [store.find(run) for run in runs]
    from devbench.running.stored_run import ask_run

    expectation = Expectation(corpus_folders(store.folder, data), benchmark_file)
    return [
        ask_run(record, store, expectation, device=device, threads=threads) for record in records
    ]


def protocol_of(n_seeds: int) -> Protocol:
    """Return the protocol with that many seeds."""
    from devbench.explaining.documents import Protocol

    return Protocol(seeds=list(range(n_seeds)))


def require_figure(path: Path | None) -> None:
    """Refuse the name of a figure that cannot be drawn, before anything is computed."""
    from devbench.errors import UsageError

    if path is not None and path.suffix.lower() not in FIGURES:
        raise UsageError(
            f"--figure {str(path)!r} is no .svg or .png", fix="give a name that ends so"
        )


def write_figure(path: Path, draw: Callable[[], Figure], words: str) -> None:
    """Draw into a file, and name it. words: the same as text, which the file carries."""
    from devbench.files import publish
    from devbench.results.figures import render

    publish(path, render(draw, words)[path.suffix.lower()[1:]], replace=True)
    click.echo(f"drawn: {path}", err=True)


def in_words(title: str, rows: Sequence[Sequence[str]]) -> str:
    """Return a table, its header first, as running text; a row without numbers is a heading."""
    from devbench.results.render import clean_line

    head, *body = rows
    told = []
    for name, *cells in body:
        found = [f"{h} {cell}" for h, cell in zip(head[1:], cells, strict=True) if cell]
        told.append(f"{name.strip()}: {', '.join(found)}" if found else name)
    return clean_line(f"{title}. {'; '.join(told)}")


def echo_table(rows: Sequence[Sequence[str]], n_words: int = 1) -> None:
    """Print a table: the first n_words columns to the left, numbers to the right."""
    from devbench.talk import printable

    # A row without numbers is a heading: it may be longer than the names.
    told = [row for row in rows if any(row[1:])]
    widths = [max(len(row[column]) for row in told) for column in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.ljust(width) if column < n_words else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        click.echo(printable("  ".join(cells).rstrip()))


def echo_kept(path: Path) -> None:
    """Say where a document lies, beside what a pipe gets."""
    click.echo(f"kept: {path}", err=True)
