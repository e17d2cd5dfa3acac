"""The command line: one file per command; each parses, calls and prints."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
    from devbench.cli.group import run

    run()
