"""Gain: clips are made louder or quieter as a whole."""

from __future__ import annotations

import torch

from devbench import Batch, Method, MethodSpec, hookimpl

from ..checks import require_range
from ..draws import coins, uniform
from ..spectra import spectrogram_of, with_spectrogram


class Gain(Method):
    """Add one random number of decibels to each clip.

    Args:
        reach_db: 0 to 40 dB, greatest gain and loss; 12 in EfficientAT and audiomentations.
        probability: 0 to 1, that a clip is changed.
    """

    def __init__(self, *, reach_db: float = 12.0, probability: float = 1.0) -> None:
        self.reach_db = require_range("reach_db", reach_db, 0, 40)
        self.probability = require_range("probability", probability, 0, 1)

    def augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return the batch at random levels."""
        x_db = spectrogram_of(batch)
        gains_db = uniform((len(batch),), -self.reach_db, self.reach_db, x_db, generator)
        gains_db = gains_db * coins(len(batch), self.probability, x_db, generator)
        return with_spectrogram(batch, x_db + gains_db[:, None, None, None])


@hookimpl
def devbench_method() -> MethodSpec:
    """Offer the method."""
    return MethodSpec(
        name="gain",
        build=Gain,
        reference="Schmid et al., EfficientAT (arXiv 2211.04772), training recipe",
    )
