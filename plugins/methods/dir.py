"""DIR: clips are convolved with measured impulse responses of other devices."""

from __future__ import annotations

from pathlib import Path

import torch

from devbench import Batch, LabelledView, Method, MethodSpec, SideInformation, hookimpl

from ..checks import require_range
from ..draws import choices, coins
from ..impulse_responses import padded, read_impulse_responses
from ..waveforms import convolved, waveform_of, with_waveform


class DeviceImpulseResponses(Method):
    """Convolve clips with random impulse responses of a pool, all equally likely.

    Responses have energy 1 (the reference leaves gains that differ by 20 dB as they were measured).
    Devices of the benchmark are refused.

    Args:
        folder: of the pool: WAV or FLAC files at the benchmark's rate, such as MicIRP's.
        probability: 0 to 1, that a clip is convolved; 0.4 is the reference's default.
    """

    def __init__(self, *, folder: Path, probability: float = 0.4) -> None:
        self.folder = folder
        self.probability = require_range("probability", probability, 0, 1)

    def fit(self, train: LabelledView, side: SideInformation, generator: torch.Generator) -> None:
        """Read the pool."""
        self.pool = padded(read_impulse_responses(self.folder, side))  # [response, tap]

    def augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return the batch with the clips that are changed as other devices would have it."""
        x = waveform_of(batch)
        pool = self.pool.to(x)
        chosen = choices(len(batch), len(pool), x, generator)
        changed = coins(len(batch), self.probability, x, generator)[:, None]
        return with_waveform(batch, torch.where(changed, convolved(x, pool[chosen]), x))


@hookimpl
def devbench_method() -> MethodSpec:
    """Offer the method."""
    return MethodSpec(
        name="dir",
        build=DeviceImpulseResponses,
        acts_on="waveform",
        reference="Morocutti et al., Device-Robust Acoustic Scene Classification via Impulse "
        "Response Augmentation, EUSIPCO 2023 (arXiv 2305.07499), section 3",
    )
