"""Means of losses between two reports of a training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch


@dataclass(slots=True)
class Means:
    """Sums of losses since they were last taken, and of how many steps."""

    sums: dict[str, float] = field(default_factory=dict)
    count: int = 0

    def add(self, losses: Mapping[str, torch.Tensor]) -> None:
        """Count one step."""
        for name, value in losses.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(value.detach())
        self.count += 1

    def taken(self) -> dict[str, float]:
        """Return the means and start again."""
        means = {name: total / max(1, self.count) for name, total in self.sums.items()}
        self.sums, self.count = {}, 0
        return means

    def state(self) -> dict[str, Any]:
        """Return the sums as a checkpoint keeps them."""
        return {"sums": self.sums, "count": self.count}
