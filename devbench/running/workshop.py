"""The workshop of an artifact's build: declared information, keyed draws, checkpoints, reports."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from devbench.benchmark.seeds import seed_for
from devbench.contract.access import Access
from devbench.contract.side import SideInformation, UnlabelledView
from devbench.contract.values import FrequencyResponse
from devbench.errors import ContractError, RunError
from devbench.files import canonical_json
from devbench.running.checkpoints import newest_checkpoint, write_checkpoint
from devbench.running.clips import StagedClips
from devbench.running.fitting import responses_in
from devbench.running.jobs import ArtifactJob
from devbench.running.losses import LossLog
from devbench.running.worker import Channel

REPORT_EVERY_S = 0.2


class StagedWorkshop:
    """Implements Workshop on a staged folder.

    Code that draws from global generators in spite of all resumes exactly too: they are seeded
    anew at the start, at every checkpoint and where a build goes on.
    """

    def __init__(
        self, job: ArtifactJob, here: Path, device: torch.device, channel: Channel
    ) -> None:
        self.devices = tuple(job.wish.devices)
        self.bin_hz = torch.tensor(job.bin_hz, dtype=torch.float32)
        self.crop_frames = job.crop_frames
        self.torch_device = device.type
        self.precision: Literal["fp32", "bf16"] = job.precision
        self.log = LossLog()
        self._name, self._seed = job.wish.name, job.wish.seed
        self._checkpoints = here / "out" / "checkpoints"
        self._channel = channel
        self._side = _side_information(job, here, self.bin_hz.to(device))
        self._started, self._first_step = time.monotonic(), 0
        self._spent_s, self._last_report = 0.0, -math.inf
        self._seed_globals(0)

    @property
    def frequency_responses(self) -> Mapping[str, FrequencyResponse]:
        """Return measured responses by device id (needs DEVICE_FR)."""
        return self._side.frequency_responses

    @property
    def unpaired(self) -> Mapping[str, UnlabelledView]:
        """Return unlabelled `convert` clips by device id (needs UNPAIRED_TARGET)."""
        return self._side.unpaired

    @property
    def seconds(self) -> float:
        """Return the seconds of work behind the present state, those before a kill included."""
        return self._spent_s + time.monotonic() - self._started

    def generator(self, *purpose: str | int) -> torch.Generator:
        """Return a CPU generator seeded by the artifact's seed and purpose."""
        seed = seed_for(self._seed, "artifact", self._name, *purpose)
        return torch.Generator().manual_seed(seed)

    def resume(self) -> tuple[int, dict[str, torch.Tensor], dict[str, Any]] | None:
        """Return (step, tensors, state) of the newest whole checkpoint, or None at the start."""
        found = newest_checkpoint(self._checkpoints)
        if found is None:
            return None
        step, tensors, state = found
        self.log = LossLog.from_state(state["log"])
        self._spent_s, self._first_step = float(state["seconds"]), step
        self._seed_globals(step)
        return step, tensors, state["build"]

    def checkpoint(
        self, step: int, tensors: Mapping[str, torch.Tensor], state: Mapping[str, Any]
    ) -> None:
        """Keep what is needed to go on after step; state: JSON values."""
        try:
            canonical_json(dict(state))
        except (TypeError, ValueError) as error:
            raise ContractError(
                f"artifact {self._name!r}: the state of checkpoint {step} holds what is no JSON "
                f"value: {error}",
                fix="keep numbers and texts in state, tensors in tensors",
            ) from error
        copies = {name: tensor.detach().to("cpu", copy=True) for name, tensor in tensors.items()}
        document = {"build": dict(state), "log": self.log.state(), "seconds": self.seconds}
        write_checkpoint(self._checkpoints, step, copies, document)
        self._seed_globals(step)

    def report(self, step: int, n_steps: int, losses: Mapping[str, float]) -> None:
        """Tell how far the build is and its losses; a loss that is no number ends the build."""
        values = {str(name): float(value) for name, value in losses.items()}
        for name, value in values.items():
            if not math.isfinite(value):
                raise RunError(
                    f"loss {name!r} of artifact {self._name!r} is {value} in step {step} of "
                    f"{n_steps}",
                    fix="lower the learning rate, or look for a division by zero in build",
                    state="nan",
                )
        self.log.add(step, n_steps, values)
        now = time.monotonic()
        if now - self._last_report >= REPORT_EVERY_S or step >= n_steps:
            self._last_report = now
            self._channel.send(
                {
                    "event": "artifact",
                    "name": self._name,
                    "step": step,
                    "n_steps": n_steps,
                    "losses": values,
                    "first_step": self._first_step,
                    "seconds": now - self._started,
                }
            )

    def _seed_globals(self, step: int) -> None:
        value = seed_for(self._seed, "artifact", self._name, "global", step)
        random.seed(value)
        np.random.seed(value % 2**32)  # noqa: NPY002
        torch.manual_seed(value)


def _side_information(job: ArtifactJob, here: Path, bin_hz: torch.Tensor) -> SideInformation:
    needs = frozenset(Access(need) for need in job.needs)
    devices = job.wish.devices
    crop = job.crop_frames * (job.hop_samples if job.acts_on == "waveform" else 1)
    responses: dict[str, FrequencyResponse] = {}
    unpaired: dict[str, UnlabelledView] = {}
    if Access.DEVICE_FR in needs:
        responses = responses_in(here / "responses.json", devices)
    if Access.UNPAIRED_TARGET in needs:
        for device in devices:
            folder = here / "unpaired" / device
            unpaired[device] = StagedClips.load(folder, crop=crop, bin_hz=bin_hz)
    return SideInformation(
        method=job.plugin["name"],
        needs=needs,
        source="",
        targets=(),
        devices=tuple(devices),
        _responses=responses,
        _unpaired=unpaired,
    )
