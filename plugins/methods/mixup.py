"""Mixup: two clips and their labels are mixed."""

from __future__ import annotations

import dataclasses

import torch

from devbench import Batch, Method, MethodSpec, hookimpl

from ..checks import require_range
from ..draws import beta, coins, permutation
from ..spectra import spectrogram_of


class Mixup(Method):
    """Mix the decibels and the targets of random pairs of clips, each by its own share.

    A clip keeps the larger share of itself, so that half of all draws are not mere swaps.

    Args:
        alpha: 0.05 to 10, shape of the Beta distribution of the shares; 0.3 in EfficientAT.
        probability: 0 to 1, that a clip is mixed.
    """

    def __init__(self, *, alpha: float = 0.3, probability: float = 1.0) -> None:
        self.alpha = require_range("alpha", alpha, 0.05, 10)
        self.probability = require_range("probability", probability, 0, 1)

    def augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return the batch with each clip mixed with another one."""
        x_db = spectrogram_of(batch)
        share = beta(len(batch), self.alpha, x_db, generator)
        other = permutation(len(batch), x_db, generator)
        mixed = coins(len(batch), self.probability, x_db, generator)
        share = torch.where(mixed, torch.maximum(share, 1 - share), 1.0)
        target = batch.target
        return dataclasses.replace(
            batch,
            spectrogram_db=torch.lerp(x_db[other], x_db, share[:, None, None, None]),
            target=torch.lerp(target[other], target, share[:, None]),
        )


@hookimpl
def devbench_method() -> MethodSpec:
    """Offer the method."""
    return MethodSpec(
        name="mixup",
        build=Mixup,
        reference="Zhang et al., mixup, ICLR 2018 (arXiv 1710.09412), section 2",
    )
