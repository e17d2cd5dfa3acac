"""Options that several commands below `devbench data` share."""

from __future__ import annotations

from pathlib import Path

import click

from devbench.audio.files import RATES_HZ

existing_file = click.Path(path_type=Path, exists=True, dir_okay=False)
folder = click.Path(path_type=Path, file_okay=False)
out_option = click.option("--out", type=folder, required=True, help="Corpus folder to make.")
jobs_option = click.option(
    "--jobs", type=click.IntRange(1, 256), default=None, help="Processes; default: all cores."
)
rate_option = click.option(
    "--rate",
    "rate_hz",
    type=click.IntRange(*RATES_HZ),
    default=None,
    metavar="HZ",
    help="Convert files of another rate to this one (soxr, quality HQ); without it they are "
    "refused.",
)
version_option = click.option(
    "--version", type=click.IntRange(1), default=1, show_default=True, help="Of the corpus."
)
