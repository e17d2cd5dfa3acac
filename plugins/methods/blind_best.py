"""Blind best: random devices, mixed statistics and a normalised first stage, knowing no target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch

from devbench import Batch, MethodSpec, hookimpl

from ..checks import require_range
from ..draws import uniform
from ..spectra import spectrogram_of, with_spectrogram
from .fr_shift_synth import FRShiftSynth
from .freq_mixstyle import FreqMixStyle

if TYPE_CHECKING:
    from torch import nn


class BlindBest(FRShiftSynth):
    """Give clips a random response, level and noise floor, then mix their frequency statistics.

    Behind the first stage of the backbone, relaxed frequency-wise normalisation takes away what a
    device adds to every frame. Chosen on seven microphones that no shipped benchmark has
    (docs/blind-best.md); changing every clip, or more strongly, underfits within a short training.

    Args:
        probability: 0 to 1, that a clip gets a response.
        strength: 0 to 5, factor on all seven draws of a response.
        end_strength: 0 to 2, factor on the first and last; 1 suits studio microphones, 0.5 phones.
        ripple_db: 0 to 10 dB, standard deviation of the Gaussian noise on a response.
        noise_probability: 0 to 1, that a clip gets a noise floor.
        min_snr_db: -20 to 100 dB, least distance of the noise floor below the clip's mean power.
        max_snr_db: -20 to 100 dB, greatest distance.
        level_db: 0 to 40 dB, greatest change of a clip's level, up or down.
        mix_probability: 0 to 1, that the statistics of a batch are mixed.
        alpha: 0.05 to 10, shape of the Beta distribution of a clip's own share.
        layer_norm_share: 0 (only per-frequency) to 1 (only layer norm).
    """

    def __init__(
        self,
        *,
        probability: float = 0.5,
        strength: float = 1.0,
        end_strength: float = 1.0,
        ripple_db: float = 2.0,
        noise_probability: float = 0.4,
        min_snr_db: float = 0.0,
        max_snr_db: float = 50.0,
        level_db: float = 6.0,
        mix_probability: float = 0.4,
        alpha: float = 0.3,
        layer_norm_share: float = 0.5,
    ) -> None:
        super().__init__(
            probability=probability,
            strength=strength,
            end_strength=end_strength,
            ripple_db=ripple_db,
            noise_probability=noise_probability,
            min_snr_db=min_snr_db,
            max_snr_db=max_snr_db,
        )
        self.level_db = require_range("level_db", level_db, 0, 40)
        require_range("mix_probability", mix_probability, 0, 1)
        self.mixing = FreqMixStyle(probability=mix_probability, alpha=alpha)
        self.layer_norm_share = require_range("layer_norm_share", layer_norm_share, 0, 1)

    def augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return the batch on random devices and, by one coin, with mixed statistics."""
        batch = super().augment(batch, generator)
        x_db = spectrogram_of(batch)
        change_db = uniform((len(batch),), -self.level_db, self.level_db, x_db, generator)
        batch = with_spectrogram(batch, x_db + change_db[:, None, None, None])
        return self.mixing.augment(batch, generator)

    def layers(self, stages: Mapping[str, tuple[int, int, int]]) -> Mapping[str, nn.Module]:
        """Return one normalisation, behind the first stage; it has no parameters."""
        from ..networks.frequency_norm import RelaxedFrequencyNorm

        return {next(iter(stages)): RelaxedFrequencyNorm(self.layer_norm_share)}


@hookimpl
def devbench_method() -> MethodSpec:
    """Offer the method."""
    return MethodSpec(
        name="blind-best",
        build=BlindBest,
        reference="devbench's own; of arXiv 2410.18322 section 4.3, Schmid et al. DCASE 2022 "
        "Workshop, and arXiv 2206.12513 section 3",
    )
