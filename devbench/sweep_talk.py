"""What a sweep says while it works: a line for each run that ended, and where the others are."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from devbench.errors import EXIT_INTERRUPTED
from devbench.talk import duration, printable

if TYPE_CHECKING:
    from devbench.sweeping.cells import Cell, Durations
    from devbench.sweeping.local import Ended

LIVE_EVERY_S = 0.2
PIPED_EVERY_S = 60.0


class SweepTalk:
    """Ended runs on stdout, one line each; the state of running ones on stderr.

    cells: those that are run. all_on_stderr: ended runs, too.
    """

    def __init__(
        self,
        durations: Durations,
        *,
        n_jobs: int,
        cells: Sequence[Cell],
        is_quiet: bool,
        all_on_stderr: bool = False,
    ) -> None:
        self._durations, self._n_jobs, self._total = durations, n_jobs, len(cells)
        self._all_on_stderr = all_on_stderr
        self._left = {cell.run_id: cell for cell in cells}
        self._slots: dict[int, str] = {}
        self._is_quiet, self._is_live = is_quiet, sys.stderr.isatty()
        self._n_ended, self._last, self._has_line = 0, time.monotonic(), False

    def begun(self, slot: int, cell: Cell) -> None:
        """Note that a cell begins."""
        self._slots[slot] = _name(cell)
        self._show()

    def told(self, slot: int, cell: Cell, message: Mapping[str, Any]) -> None:
        """Show a phase, an epoch or a step; print a warning."""
        event = message["event"]
        if event == "warning":
            self.warn(f"{_name(cell)}: {message['words']}")
        elif event == "epoch":
            words = f"epoch {message['epoch']} of {message['n_epochs']}"
            self._slots[slot] = f"{_name(cell)} {words}"
        elif event == "artifact":
            words = f"artifact step {message['step']} of {message['n_steps']}"
            self._slots[slot] = f"{_name(cell)} {words}"
        elif event == "phase":
            self._slots[slot] = f"{_name(cell)} {message['name']}"
        self._show()

    def warn(self, words: str) -> None:
        """Print a warning."""
        self._clear()
        click.echo(printable(f"warning: {words}"), err=True)

    def ended(self, slot: int, ended: Ended) -> None:
        """Print how a cell ended and how long the rest will take."""
        self._slots.pop(slot, None)
        self._left.pop(ended.cell.run_id, None)
        self._n_ended += 1
        if ended.code == 0:
            outcome = f"{ended.mean_targets:.3f}"
            if ended.seconds:  # none where another command computed it meanwhile
                self._durations.add(ended.cell.kind, ended.seconds)
        else:
            outcome = "interrupted" if ended.code == EXIT_INTERRUPTED else "FAILED"
        self._clear()
        if self._is_quiet:
            return
        left_s = self._durations.estimate_s(self._left.values(), self._n_jobs)
        left = f"   about {duration(left_s)} left" if left_s else ""
        click.echo(
            printable(
                f"[{self._n_ended}/{self._total}] {_name(ended.cell)}  {outcome}  "
                f"{duration(ended.seconds)}{left}"
            ),
            err=self._all_on_stderr,
        )
        if outcome == "FAILED":
            click.echo(printable(" ".join(f"  {ended.what}".split("\n"))), err=True)

    def close(self) -> None:
        """End the live line."""
        self._clear()

    def _show(self) -> None:
        now = time.monotonic()
        if self._is_quiet or now - self._last < (LIVE_EVERY_S if self._is_live else PIPED_EVERY_S):
            return
        self._last = now
        words = printable(" | ".join(self._slots[slot] for slot in sorted(self._slots)))
        if self._is_live:
            click.echo(f"\r\x1b[2K{words[: _columns() - 1]}", err=True, nl=False)
            self._has_line = True
        else:
            click.echo(words, err=True)

    def _clear(self) -> None:
        if self._has_line:
            click.echo("\r\x1b[2K", err=True, nl=False)
            self._has_line = False


def _columns() -> int:
    import shutil

    return shutil.get_terminal_size().columns


def _name(cell: Cell) -> str:
    request = cell.request
    parts = [request.method, request.source, f"seed {request.seed}"]
    if request.fold:
        parts.append(f"fold {request.fold}")
    parts += [part for part in (request.backbone, request.frontend) if part]
    return " ".join(parts)
