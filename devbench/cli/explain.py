"""devbench explain: why a method fails on a device, from what is stored."""

from __future__ import annotations

import click

from devbench.cli.group import LazyGroup

LAZY = {
    "information": "Measure what the layers of a network tell of the device (UMC, Figure 2).",
    "identity": "Measure how well the device can be told before and behind a classifier.",
    "relevance": "Show which bands and times decide, per device.",
    "devices": "Show which device differs how, and what of it costs how much F1.",
}


@click.group("explain", cls=LazyGroup, lazy=LAZY, modules="devbench.cli.explain_")
def command() -> None:
    """Ask why, of stored runs, converters and corpora; nothing is trained but small probes."""
