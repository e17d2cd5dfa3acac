"""Options and talk that the commands of `devbench explain` share."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
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

figure_option = click.option(
    "--figure",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    metavar="FILE",
    help="Draw it: .svg or .png.",
)
"""Pass `figure: Path | None` from --figure."""

benchmark_file_option = click.option(
    "--benchmark",
    "benchmark_file",
    default=None,
    metavar="FILE.toml",
    help="The benchmark file, for runs of a benchmark that was given by path.",
)
"""Pass `benchmark_file: str | None` from --benchmark."""

FIGURES = (".svg", ".png")


def run_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of a command that asks a stored run."""
    for option in (json_option, store_option, data_option, threads_option, device_option,
                   benchmark_file_option, figure_option):  # fmt: skip
        command = option(command)
    return command


def require_figure(path: Path | None) -> None:
    """Refuse the name of a figure that cannot be drawn, before anything is computed."""
    from devbench.errors import UsageError

    if path is not None and path.suffix.lower() not in FIGURES:
        raise UsageError(f"{str(path)!r} is no .svg or .png", fix="name it so")


def write_figure(path: Path, draw: Callable[[], Figure]) -> None:
    """Draw into a file."""
    from devbench.files import publish
    from devbench.results.figures import render

    publish(path, render(draw)[path.suffix.lower()[1:]], replace=True)


def command_line(words: Sequence[str], options: Mapping[str, object]) -> str:
    """Return the command that asks the same again; options that are None are left out."""
    parts = ["devbench", *words]
    for name, value in options.items():
        if value is not None:
            parts += [name, str(value)]
    return shlex.join(parts)


def echo_table(rows: Sequence[Sequence[str]]) -> None:
    """Print a table: names to the left, numbers to the right."""
    from devbench.results.render import clean_line

    widths = [max(len(row[column]) for row in rows) for column in range(1, len(rows[0]))]
    # A row without numbers is a heading: it may be longer than the names.
    first = max((len(row[0]) for row in rows if any(row[1:])), default=0)
    for row in rows:
        cells = [row[0].ljust(first)]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths, strict=True)]
        click.echo(clean_line("  ".join(cells).rstrip()))
