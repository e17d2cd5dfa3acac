"""Reverb: a made-up room, noise that dies away exponentially behind the direct sound."""

from __future__ import annotations

import math

import torch

from devbench import Batch, LabelledView, Method, MethodSpec, SideInformation, hookimpl

from ..checks import require_order, require_range
from ..draws import coins, normal, uniform
from ..waveforms import at_level_of, convolved, waveform_of, with_waveform

DECAY = 3 * math.log(10)
"""Of the amplitude over one reverberation time: 60 dB."""
FIRST_REFLECTION_S = 0.002


class Reverb(Method):
    """Convolve each clip with a room of its own; the direct sound stays where it is.

    The tail is Gaussian noise times an exponential, the model of a diffuse field (Polack); clips
    keep their level.

    Args:
        probability: 0 to 1, that a clip is put into a room.
        min_rt60_s: 0.05 to 3 s, shortest reverberation time; 0.15 in audiomentations.
        max_rt60_s: 0.05 to 3 s, longest; 0.8 there.
        min_direct_db: -20 to 40 dB, least ratio of direct to reverberant energy.
        max_direct_db: -20 to 40 dB, greatest.
    """

    def __init__(
        self,
        *,
        probability: float = 0.5,
        min_rt60_s: float = 0.15,
        max_rt60_s: float = 0.8,
        min_direct_db: float = 0.0,
        max_direct_db: float = 15.0,
    ) -> None:
        self.probability = require_range("probability", probability, 0, 1)
        self.min_rt60_s = require_range("min_rt60_s", min_rt60_s, 0.05, 3)
        self.max_rt60_s = require_range("max_rt60_s", max_rt60_s, 0.05, 3)
        require_order("min_rt60_s", min_rt60_s, "max_rt60_s", max_rt60_s)
        self.min_direct_db = require_range("min_direct_db", min_direct_db, -20, 40)
        self.max_direct_db = require_range("max_direct_db", max_direct_db, -20, 40)
        require_order("min_direct_db", min_direct_db, "max_direct_db", max_direct_db)

    def fit(self, train: LabelledView, side: SideInformation, generator: torch.Generator) -> None:
        """Note the sample rate."""
        self.sample_rate_hz = side.features.sample_rate_hz

    def augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return the batch with the clips that are changed in rooms of their own."""
        x = waveform_of(batch)
        rooms = self.rooms(len(batch), x, generator)
        changed = coins(len(batch), self.probability, x, generator)[:, None]
        return with_waveform(batch, torch.where(changed, at_level_of(convolved(x, rooms), x), x))

    def rooms(self, n: int, like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return impulse responses whose first tap is the direct sound, 1: [n, tap]."""
        n_taps = 1 + math.ceil(self.max_rt60_s * self.sample_rate_hz)
        rt60_s = uniform((n, 1), self.min_rt60_s, self.max_rt60_s, like, generator)
        direct_db = uniform((n, 1), self.min_direct_db, self.max_direct_db, like, generator)
        time_s = torch.arange(n_taps, device=like.device) / self.sample_rate_hz
        tail = normal((n, n_taps), like, generator) * torch.exp(-DECAY * time_s / rt60_s)
        tail[:, time_s < FIRST_REFLECTION_S] = 0
        energy = 10 ** (-direct_db / 10)
        tail = tail * (energy / tail.square().sum(dim=1, keepdim=True)).sqrt()
        tail[:, 0] = 1
        return tail


@hookimpl
def devbench_method() -> MethodSpec:
    """Offer the method."""
    return MethodSpec(
        name="reverb",
        build=Reverb,
        acts_on="waveform",
        reference="baseline of Microphone Conversion (arXiv 2401.06913), section 3; its rooms are "
        "not stated",
    )
