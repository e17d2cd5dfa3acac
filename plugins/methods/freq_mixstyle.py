"""Freq-MixStyle: each clip borrows part of the per-band mean and spread of another clip."""

from __future__ import annotations

import torch

from devbench import Batch, Method, MethodSpec, hookimpl

from ..checks import require_range
from ..draws import beta, coins, permutation
from ..spectra import spectrogram_of, with_spectrogram

# The reference adds 1e-6 to the variance of log-mels scaled to about unit deviation. Decibels have
# a deviation of about 20, so this is the same number there; all else is unchanged by scaling.
EPSILON_DB2 = 1e-6 * 20.0**2


class FreqMixStyle(Method):
    """Mix the frequency statistics of random pairs of clips; labels stay.

    Args:
        probability: 0 to 1, that a batch is mixed; 0.5 in Microphone Conversion.
        alpha: 0.05 to 10, shape of the Beta distribution of a clip's own share. Microphone
            Conversion names none; 0.3 is what the DCASE 2024 and 2025 baselines use.
    """

    def __init__(self, *, probability: float = 0.5, alpha: float = 0.3) -> None:
        self.probability = require_range("probability", probability, 0, 1)
        self.alpha = require_range("alpha", alpha, 0.05, 10)

    def augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return the batch with mixed statistics, or, by the toss of one coin, as it is."""
        x_db = spectrogram_of(batch)
        if not coins(1, self.probability, x_db, generator).item():
            return batch
        own_share = beta(len(batch), self.alpha, x_db, generator)[:, None, None, None]
        other = permutation(len(batch), x_db, generator)
        variance, mean = torch.var_mean(x_db, dim=(1, 3), correction=1, keepdim=True)
        sd = (variance + EPSILON_DB2).sqrt()  # [batch, 1, bin, 1]
        mixed_sd = own_share * sd + (1 - own_share) * sd[other]
        mixed_mean = own_share * mean + (1 - own_share) * mean[other]
        return with_spectrogram(batch, (x_db - mean) / sd * mixed_sd + mixed_mean)


@hookimpl
def devbench_method() -> MethodSpec:
    """Offer the method."""
    return MethodSpec(
        name="freq-mixstyle",
        build=FreqMixStyle,
        reference="Schmid et al., DCASE 2022 Workshop; after Zhou et al., MixStyle, ICLR 2021",
    )
