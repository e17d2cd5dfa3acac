"""What the commands of `devbench explain` share: options, and the way to a stored run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from devbench.explaining.documents import Protocol
    from devbench.results.store import Store
    from devbench.running.explain import Asked

MAX_SEEDS = 20

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


def protocol_of(n_seeds: int) -> Protocol:
    """Return the protocol with that many seeds."""
    from devbench.explaining.documents import Protocol

    return Protocol(seeds=list(range(n_seeds)))


def asked_runs(
    runs: tuple[str, ...],
    store: Store,
    *,
    benchmark: str | None,
    data: Path | None,
    target: str | None,
    device: str,
) -> list[Asked]:
    """Return stored runs by the first digits of their run_id; mistakes are found before work."""
    from devbench.results.expected import Expectation, corpus_folders
    from devbench.running.explain import ask_run

    records = [store.find(run) for run in runs]
    expectation = Expectation(corpus_folders(store.folder, data), benchmark)
    return [
        ask_run(record, store, expectation, target=target, device=computing_on(device))
        for record in records
    ]


def computing_on(device: str) -> Literal["cpu", "cuda"]:
    """Return cpu or cuda; ConfigurationError where there is no CUDA device."""
    from devbench.errors import ConfigurationError
    from devbench.running.hardware import best_device, cuda_info

    if device == "cuda" and not cuda_info():
        raise ConfigurationError("no CUDA device on this machine", fix="use --device auto or cpu")
    chosen = best_device() if device == "auto" else device
    return "cuda" if chosen == "cuda" else "cpu"


def print_table(rows: list[list[str]], n_words: int) -> None:
    """Print a table: the first n_words columns to the left, numbers to the right."""
    from devbench.talk import printable

    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        padded = [
            cell.ljust(width) if column < n_words else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        click.echo(printable("  ".join(padded).rstrip()))
