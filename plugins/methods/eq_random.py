"""Random equaliser: four parametric bands set at random stand in for an unknown device."""

from __future__ import annotations

import math

import torch

from devbench import Batch, LabelledView, Method, MethodSpec, SideInformation, hookimpl

from ..checks import require_order, require_range
from ..draws import coins, uniform
from ..equaliser import HIGHEST_HZ, LOWEST_HZ, response_db
from ..spectra import spectrogram_of, with_spectrogram


class RandomEqualiser(Method):
    """Add the response of a random low shelf, two peaks and a high shelf to each clip.

    The blind control of eq-match: gains are uniform, frequencies and qualities log-uniform over the
    ranges of the paper; bands end at 0.45 of the sample rate.

    Args:
        reach_db: 0 to 40 dB, greatest gain and loss of a band; 10 in the paper.
        least_quality: 0.1 to 10, of the widest filter. The paper has 0.01, a tilt of all bands.
        greatest_quality: 0.1 to 10, of the narrowest filter.
        probability: 0 to 1, that a clip is changed.
    """

    def __init__(
        self,
        *,
        reach_db: float = 10.0,
        least_quality: float = 0.1,
        greatest_quality: float = 10.0,
        probability: float = 0.85,
    ) -> None:
        self.reach_db = require_range("reach_db", reach_db, 0, 40)
        self.least_quality = require_range("least_quality", least_quality, 0.1, 10)
        self.greatest_quality = require_range("greatest_quality", greatest_quality, 0.1, 10)
        require_order("least_quality", least_quality, "greatest_quality", greatest_quality)
        self.probability = require_range("probability", probability, 0, 1)

    def fit(self, train: LabelledView, side: SideInformation, generator: torch.Generator) -> None:
        """Note the sample rate, which a digital filter's response depends on."""
        self.sample_rate_hz = side.features.sample_rate_hz

    def augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return the batch with an equaliser of its own on every clip that is changed."""
        x_db = spectrogram_of(batch)
        shape = (len(batch), len(LOWEST_HZ))
        gain_db = uniform(shape, -self.reach_db, self.reach_db, x_db, generator)
        low, high = math.log(self.least_quality), math.log(self.greatest_quality)
        quality = uniform(shape, low, high, x_db, generator).exp()
        centre_hz = self._centres(uniform(shape, 0.0, 1.0, x_db, generator))
        curves_db = response_db(
            gain_db, centre_hz, quality, at_hz=batch.bin_hz, sample_rate_hz=self.sample_rate_hz
        )
        changed = coins(len(batch), self.probability, x_db, generator)
        return with_spectrogram(batch, x_db + (curves_db * changed[:, None])[:, None, :, None])

    def _centres(self, along: torch.Tensor) -> torch.Tensor:
        """Return log-uniform frequencies between the limits of each band: [batch, 4]."""
        low = torch.tensor(LOWEST_HZ, device=along.device)
        high = torch.tensor(HIGHEST_HZ, device=along.device).clamp(max=0.45 * self.sample_rate_hz)
        return low * (high / low) ** along


@hookimpl
def devbench_method() -> MethodSpec:
    """Offer the method."""
    return MethodSpec(
        name="eq-random",
        build=RandomEqualiser,
        reference="control for Mimilakis et al., One-Shot Parametric Audio Production Style "
        "Transfer, ICASSP 2020, section 4",
    )
