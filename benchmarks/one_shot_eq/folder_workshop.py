"""A workshop outside any run: one device, checkpoints in a folder, progress on the terminal."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch

from devbench import FrequencyResponse, UnlabelledView, seed_for
from devbench.errors import RunError
from devbench.running.checkpoints import newest_checkpoint, write_checkpoint

TELL_EVERY_S = 5.0


class FolderWorkshop:
    """Implements Workshop for the clips of one device."""

    devices: tuple[str, ...] = ("sound",)
    crop_frames = 0
    precision: Literal["fp32", "bf16"] = "fp32"

    def __init__(
        self, clips: UnlabelledView, folder: Path, *, name: str, seed: int, device: torch.device
    ) -> None:
        self.unpaired: Mapping[str, UnlabelledView] = {"sound": clips}
        self.frequency_responses: Mapping[str, FrequencyResponse] = {}
        self.bin_hz = torch.ones(1)
        self.torch_device = device.type
        self._folder, self._name, self._seed = folder, name, seed
        self._first, self._started, self._told = 0, time.monotonic(), -math.inf

    def generator(self, *purpose: str | int) -> torch.Generator:
        """Return a CPU generator for a purpose."""
        return torch.Generator().manual_seed(seed_for(self._seed, *purpose))

    def resume(self) -> tuple[int, dict[str, torch.Tensor], dict[str, Any]] | None:
        """Return the newest whole checkpoint, or None."""
        found = newest_checkpoint(self._folder)
        self._first = 0 if found is None else found[0]
        return found

    def checkpoint(
        self, step: int, tensors: Mapping[str, torch.Tensor], state: Mapping[str, Any]
    ) -> None:
        """Keep what is needed to go on after step."""
        write_checkpoint(self._folder, step, dict(tensors), dict(state))

    def report(self, step: int, n_steps: int, losses: Mapping[str, float]) -> None:
        """Print where the training is, every few seconds."""
        for name, value in losses.items():
            if not math.isfinite(value):
                raise RunError(
                    f"{name} of {self._name} is {value} in step {step}",
                    fix="lower the learning rate",
                    state="nan",
                )
        now = time.monotonic()
        if now - self._told < TELL_EVERY_S and step < n_steps:
            return
        self._told = now
        per_step_s = (now - self._started) / max(1, step - self._first)
        words = "  ".join(f"{name} {value:.3f}" for name, value in losses.items())
        left_min = per_step_s * (n_steps - step) / 60
        print(f"{self._name}  step {step}/{n_steps}  {words}  {left_min:.0f} min left at most",
              file=sys.stderr)  # fmt: skip
