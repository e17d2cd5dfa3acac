"""The losses of a build, thinned out evenly so that a log of any length stays readable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_ENTRIES = 200


@dataclass
class LossLog:
    """Every stride-th report, and the last one. It is a function of the reports alone."""

    kept: list[dict[str, Any]] = field(default_factory=list)
    last: dict[str, Any] | None = None
    n_reports: int = 0
    n_steps: int | None = None
    stride: int = 1

    def add(self, step: int, n_steps: int, losses: Mapping[str, float]) -> None:
        """Take in one report."""
        self.last = {"step": step, "losses": dict(losses)}
        self.n_steps = n_steps
        if self.n_reports % self.stride == 0:
            self.kept.append(self.last)
        self.n_reports += 1
        if len(self.kept) >= MAX_ENTRIES:
            self.kept = self.kept[::2]
            self.stride *= 2

    def entries(self) -> list[dict[str, Any]]:
        """Return the entries in order, the last report included."""
        if self.last is None or (self.kept and self.kept[-1] == self.last):
            return list(self.kept)
        return [*self.kept, self.last]

    def state(self) -> dict[str, Any]:
        """Return all of it as JSON values."""
        return {
            "kept": self.kept,
            "last": self.last,
            "n_reports": self.n_reports,
            "n_steps": self.n_steps,
            "stride": self.stride,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> LossLog:
        """Return the log that `state` was called on."""
        return cls(**state)
