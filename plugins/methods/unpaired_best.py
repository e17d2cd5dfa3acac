"""Unpaired best: every band moved to a target's distribution, then mixed, then normalised."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch

from devbench import Access, Batch, MethodSpec, hookimpl

from ..checks import require_range
from .freq_mixstyle import FreqMixStyle
from .transport_match import TransportMatch

if TYPE_CHECKING:
    from torch import nn


class UnpairedBest(TransportMatch):
    """Transport match, which knows the targets, and what makes up for the little it sees of them.

    The clips of a device are few, so its distributions are a guess: mixing the statistics of clips
    on different devices fills the space between, and relaxed frequency-wise normalisation behind
    the first stage of the backbone takes away what is left. Chosen on seven microphones that no
    shipped benchmark has (docs/blind-best.md).

    Args:
        mix_probability: 0 to 1, that the statistics of a batch are mixed.
        alpha: 0.05 to 10, shape of the Beta distribution of a clip's own share.
        layer_norm_share: 0 (only per-frequency) to 1 (only layer norm).
    """

    def __init__(
        self, *, mix_probability: float = 0.3, alpha: float = 0.3, layer_norm_share: float = 0.5
    ) -> None:
        require_range("mix_probability", mix_probability, 0, 1)
        self.mixing = FreqMixStyle(probability=mix_probability, alpha=alpha)
        self.layer_norm_share = require_range("layer_norm_share", layer_norm_share, 0, 1)

    def augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return the batch on random devices and, by one coin, with mixed statistics."""
        return self.mixing.augment(super().augment(batch, generator), generator)

    def layers(self, stages: Mapping[str, tuple[int, int, int]]) -> Mapping[str, nn.Module]:
        """Return one normalisation, behind the first stage; it has no parameters."""
        from ..networks.frequency_norm import RelaxedFrequencyNorm

        return {next(iter(stages)): RelaxedFrequencyNorm(self.layer_norm_share)}


@hookimpl
def devbench_method() -> MethodSpec:
    """Offer the method."""
    return MethodSpec(
        name="unpaired-best",
        build=UnpairedBest,
        needs=frozenset({Access.UNPAIRED_TARGET}),
        reference="devbench's own; one-dimensional optimal transport per band, Schmid et al. "
        "DCASE 2022 Workshop, and arXiv 2206.12513 section 3",
    )
