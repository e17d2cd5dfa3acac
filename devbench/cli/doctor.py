"""devbench doctor: what is installed, and whether it fits."""

from __future__ import annotations

from pathlib import Path

import click

from devbench.cli.options import json_option, store_option

_COLOURS = {"ok": "green", "warn": "yellow", "error": "red"}


@click.command()
@store_option
@json_option
def command(store: Path, as_json: bool) -> None:
    """Say what is installed and whether it fits; exit code 9 when something does not."""
    import dataclasses
    import json
    import os

    from devbench.diagnosis import diagnose
    from devbench.errors import CheckError

    findings = diagnose(store)
    if as_json:
        lines = [dataclasses.asdict(finding) for finding in findings]
        click.echo(json.dumps({"findings": lines}, sort_keys=True, indent=2))
    else:
        width = max(len(finding.name) for finding in findings)
        for finding in findings:
            word = f"{finding.state:<5}"
            if not os.environ.get("NO_COLOR"):
                word = click.style(word, fg=_COLOURS[finding.state])
            click.echo(f"{word}  {finding.name:<{width}}  {_printable(finding.text)}")
            if finding.fix:
                click.echo(f"{'':<5}  {'':<{width}}  fix: {_printable(finding.fix)}")
    failed = [finding.name for finding in findings if finding.state == "error"]
    if failed:
        raise CheckError(
            f"{len(failed)} of {len(findings)} checks failed: {', '.join(dict.fromkeys(failed))}",
            fix="do what stands at 'fix' in the lines above",
        )


def _printable(text: str) -> str:
    """Return text without the control characters that a name or a file may carry."""
    return "".join(c if c.isprintable() else " " for c in text)
