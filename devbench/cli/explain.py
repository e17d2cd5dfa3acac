"""devbench explain: why a method fails on a device, from what is stored."""

from __future__ import annotations

import click

from devbench.cli.group import LazyGroup

LAZY = {
    "information": "Measure what the layers of a network tell of the device (UMC, Figure 2).",
    "identity": "Measure how well the device can be told before and behind a classifier.",
}


@click.group("explain", cls=LazyGroup, lazy=LAZY, modules="devbench.cli.explain_")
def command() -> None:
    """Ask why, of stored runs and of converters; nothing is trained again but small probes."""
