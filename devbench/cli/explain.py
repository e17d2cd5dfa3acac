"""devbench explain: why a run scores what it scores."""

from __future__ import annotations

from devbench.cli.group import LazyGroup

COMMANDS = {
    "relevance": "Which bands and times decide, per device.",
    "devices": "Which device differs how, and what of it costs how much F1.",
}

command = LazyGroup(
    "explain",
    lazy=COMMANDS,
    modules="devbench.cli.explain_",
    help="Find out why a run scores what it scores.",
)
