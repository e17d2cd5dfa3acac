"""What a run says while it works: a live line on a terminal, plain lines when piped."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

import click

LINE_EVERY_S = 5.0


class ConsoleTalk:
    """Progress on stderr."""

    def __init__(self, *, is_quiet: bool = False) -> None:
        self._is_quiet = is_quiet
        self._is_live = sys.stderr.isatty()
        self._phase = ""
        self._last = 0.0
        self._has_line = False
        self._epoch = 0
        self._artifact_due = 0.0  # the step of a build from which to tell again when piped
        self._words = ""

    def phase(self, name: str) -> None:
        """Say that a phase begins."""
        self._end_line()
        self._phase, self._last, self._artifact_due = name, 0.0, 0.0
        self._say(f"{name} ...")

    def progress(self, done: int, total: int) -> None:
        """Say how far the phase is, at most every few seconds when piped."""
        self._update(f"{self._phase}: {done} of {total}", is_last=done >= total)

    def epoch(self, report: Mapping[str, Any]) -> None:
        """Tell the source numbers of an epoch."""
        number, total = int(report["epoch"]), int(report["n_epochs"])
        since = number - self._epoch if number > self._epoch else 1
        self._epoch = number
        left_s = (total - number) * float(report["seconds"]) / since
        self._update(
            f"fit: epoch {number} of {total}, loss {report['loss']:.3f}, source val macro F1 "
            f"{report['val_macro_f1']:.3f}, about {left_s:.0f} s left",
            is_last=number == total,
        )

    def artifact(self, report: Mapping[str, Any]) -> None:
        """Tell how far a build is and its losses; when piped, at every tenth of it."""
        name, step, total = str(report["name"]), int(report["step"]), int(report["n_steps"])
        if not self._is_live and step < min(self._artifact_due, total):
            return
        self._artifact_due = step + total / 10
        since = step - int(report["first_step"])
        left_s = (total - step) * float(report["seconds"]) / max(1, since)
        losses = ", ".join(f"{key} {value:.3f}" for key, value in report["losses"].items())
        self._last = self._last if self._is_live else 0.0
        self._update(
            f"artifact {name}: step {step} of {total}, {losses}, about {duration(left_s)} left",
            is_last=step >= total,
        )

    def warn(self, words: str) -> None:
        """Tell what went wrong without stopping the run."""
        self._end_line()
        click.echo(f"warning: {printable(words)}", err=True)  # words may come from a plugin

    def close(self) -> None:
        """End the live line."""
        self._end_line()

    def _update(self, words: str, *, is_last: bool) -> None:
        words, now = printable(words), time.monotonic()
        if words == self._words:
            return
        if self._is_quiet or (
            now - self._last < (0.1 if self._is_live else LINE_EVERY_S) and not is_last
        ):
            return
        self._last, self._words = now, words
        if self._is_live:
            click.echo(f"\r\x1b[2K{words}", err=True, nl=False)
            self._has_line = True
        else:
            click.echo(words, err=True)

    def _say(self, words: str) -> None:
        if self._is_quiet:
            return
        if self._is_live:
            click.echo(f"\r\x1b[2K{words}", err=True, nl=False)
            self._has_line = True
        else:
            click.echo(words, err=True)

    def _end_line(self) -> None:
        if self._has_line:
            click.echo("", err=True)
            self._has_line = False


def duration(seconds: float) -> str:
    """Return a time as people say it: 45 s, 12 min, 3.5 h."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def printable(text: str) -> str:
    """Return text without control characters, so that a name cannot steer the terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "�" for c in text)
