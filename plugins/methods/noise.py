"""Noise: white noise at a random distance below the clip."""

from __future__ import annotations

import torch

from devbench import Batch, Method, MethodSpec, hookimpl

from ..checks import require_order, require_range
from ..draws import coins, normal, uniform
from ..waveforms import power_of, waveform_of, with_waveform


class Noise(Method):
    """Add white Gaussian noise to the waveforms.

    Args:
        probability: 0 to 1, that a clip gets noise; 0.5 as audiomentations' AddGaussianSNR.
        min_snr_db: -20 to 100 dB, least distance of the noise below the clip's mean power.
        max_snr_db: -20 to 100 dB, greatest distance.
    """

    def __init__(
        self, *, probability: float = 0.5, min_snr_db: float = 5.0, max_snr_db: float = 40.0
    ) -> None:
        self.probability = require_range("probability", probability, 0, 1)
        self.min_snr_db = require_range("min_snr_db", min_snr_db, -20, 100)
        self.max_snr_db = require_range("max_snr_db", max_snr_db, -20, 100)
        require_order("min_snr_db", min_snr_db, "max_snr_db", max_snr_db)

    def augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return the batch with noise on the clips that are changed."""
        x = waveform_of(batch)
        snr_db = uniform((len(batch), 1), self.min_snr_db, self.max_snr_db, x, generator)
        noisy = coins(len(batch), self.probability, x, generator)[:, None]
        rms = (power_of(x) * 10 ** (-snr_db / 10)).sqrt()  # [batch, 1]
        noise = rms * normal(tuple(x.shape), x, generator)
        return with_waveform(batch, x + noise * noisy)


@hookimpl
def devbench_method() -> MethodSpec:
    """Offer the method."""
    return MethodSpec(
        name="noise",
        build=Noise,
        acts_on="waveform",
        reference="baseline of Microphone Conversion (arXiv 2401.06913), section 3; its settings "
        "are not stated",
    )
