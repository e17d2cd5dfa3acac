"""Leaderboards as the command prints them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from click.testing import CliRunner, Result

from devbench.cli.leaderboard import command
from devbench.errors import DevbenchError
from devbench.results.record import Record


def board(*words: str | Path) -> Result:
    """Return what the leaderboard command printed; errors of devbench come out as they are."""
    result = CliRunner().invoke(command, [str(word) for word in words], standalone_mode=False)
    if isinstance(result.exception, DevbenchError):
        raise result.exception
    assert result.exception is None, result.exception
    return result


def write_records(folder: Path, records: Iterable[Record]) -> Path:
    """Write records as `leaderboard --records` reads them."""
    folder.mkdir(parents=True)
    for record in records:
        (folder / f"{record.run_id}.json").write_bytes(record.to_json())
    return folder
