"""FR shift, synthetic: a random response difference and a random noise floor; blind."""

from __future__ import annotations

import math

import torch

from devbench import Batch, Method, MethodSpec, hookimpl

from ..checks import require_order, require_range
from ..converters.conditions import synthetic_differences
from ..draws import coins, uniform
from ..spectra import spectrogram_of, with_spectrogram

NATS_PER_DB = math.log(10) / 10


class FRShiftSynth(Method):
    """Add a random curve to each clip, then raise it to a random noise floor.

    The curve joins seven uniform draws, of random sign and larger at both ends, by straight lines
    and adds smoothed Gaussian noise. The paper's curves have no noise floor: noise_probability=0.
    The noise floor's defaults are those of audiomentations' AddGaussianSNR (half of the clips, 5 to
    40 dB): taken from there, not tuned on any benchmark.

    Args:
        probability: 0 to 1, that a clip gets a curve.
        strength: 0 to 5, factor on all seven draws.
        end_strength: 0 to 2, factor on the first and last; 1 suits studio microphones, 0.5 phones.
        ripple_db: 0 to 10 dB, standard deviation of the Gaussian noise on the curve.
        noise_probability: 0 to 1, that a clip gets a noise floor.
        min_snr_db: -20 to 100 dB, least distance of the noise floor below the clip's mean power.
        max_snr_db: -20 to 100 dB, greatest distance.
    """

    def __init__(
        self,
        *,
        probability: float = 0.85,
        strength: float = 1.0,
        end_strength: float = 0.5,
        ripple_db: float = 2.0,
        noise_probability: float = 0.5,
        min_snr_db: float = 5.0,
        max_snr_db: float = 40.0,
    ) -> None:
        self.probability = require_range("probability", probability, 0, 1)
        self.strength = require_range("strength", strength, 0, 5)
        self.end_strength = require_range("end_strength", end_strength, 0, 2)
        self.ripple_db = require_range("ripple_db", ripple_db, 0, 10)
        self.noise_probability = require_range("noise_probability", noise_probability, 0, 1)
        self.min_snr_db = require_range("min_snr_db", min_snr_db, -20, 100)
        self.max_snr_db = require_range("max_snr_db", max_snr_db, -20, 100)
        require_order("min_snr_db", min_snr_db, "max_snr_db", max_snr_db)

    def augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return the batch with a curve and a noise floor on the clips that are changed."""
        x_db = spectrogram_of(batch)
        curves_db = self.curves(x_db, generator)  # [batch, bin]
        changed = coins(len(batch), self.probability, x_db, generator)
        x_db = x_db + (curves_db * changed[:, None])[:, None, :, None]
        return with_spectrogram(batch, self._raised_to_floor(x_db, generator))

    def curves(self, x_db: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return one random response difference in dB per clip: [batch, bin]."""
        return synthetic_differences(
            len(x_db),
            x_db,
            generator,
            n_bands=x_db.shape[2],
            strength=self.strength,
            end_strength=self.end_strength,
            ripple_db=self.ripple_db,
        )

    def _raised_to_floor(self, x_db: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return the clips with the power of white noise added to some: [batch, 1, bin, frame]."""
        n_clips = len(x_db)
        snr_db = uniform((n_clips,), self.min_snr_db, self.max_snr_db, x_db, generator)
        noisy = coins(n_clips, self.noise_probability, x_db, generator)[:, None, None, None]
        power = (x_db * NATS_PER_DB).exp()
        floor_ratio = (-snr_db * NATS_PER_DB).exp()[:, None, None, None]
        floor_power = power.mean(dim=(1, 2, 3), keepdim=True) * floor_ratio
        raised = (power + floor_power).log() / NATS_PER_DB
        return torch.where(noisy, raised, x_db)


@hookimpl
def devbench_method() -> MethodSpec:
    """Offer the method."""
    return MethodSpec(
        name="fr-shift-synth",
        build=FRShiftSynth,
        reference="Unified Microphone Conversion (arXiv 2410.18322), section 4.3, as augmentation",
    )
