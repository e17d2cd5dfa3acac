"""FilterAugment: random gains on random frequency bands stand in for an unknown microphone."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch

from devbench import Batch, Method, MethodSpec, hookimpl

from ..checks import require_order, require_range
from ..draws import coins, uniform
from ..spectra import spectrogram_of, with_spectrogram

# Fewest and most bands, and the least width of one in bins, as published for each type.
PUBLISHED = {"linear": (3, 5, 6), "step": (2, 4, 4)}


class FilterAugment(Method):
    """Add random gains in dB to random bands; the bands are shared by a batch, the gains are not.

    The reference multiplies mel magnitudes by 10^(gain/20); on decibels that is adding the gain.

    Args:
        filter_type: "linear" draws a gain at every band edge and joins them by straight lines in
            dB (used by Microphone Conversion); "step" draws one gain per band.
        probability: 0 to 1, that a clip is changed; Microphone Conversion uses 0.5.
        min_gain_db: lowest gain, -40 to 40 dB.
        max_gain_db: highest gain, -40 to 40 dB.
    """

    def __init__(
        self,
        *,
        filter_type: Literal["linear", "step"] = "linear",
        probability: float = 0.5,
        min_gain_db: float = -6.0,
        max_gain_db: float = 6.0,
    ) -> None:
        self.filter_type = filter_type
        self.probability = require_range("probability", probability, 0, 1)
        self.min_gain_db = require_range("min_gain_db", min_gain_db, -40, 40)
        self.max_gain_db = require_range("max_gain_db", max_gain_db, -40, 40)
        require_order("min_gain_db", min_gain_db, "max_gain_db", max_gain_db)

    def augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return the batch with a random filter on the clips that are changed."""
        x_db = spectrogram_of(batch)
        edges = self._edges(x_db.shape[2], generator)
        n_gains = len(edges) if self.filter_type == "linear" else len(edges) - 1
        shape = (len(batch), n_gains)
        gains_db = uniform(shape, self.min_gain_db, self.max_gain_db, x_db, generator)
        changed = coins(len(batch), self.probability, x_db, generator)
        filter_db = self._filter(edges, gains_db) * changed[:, None]  # [batch, bin]
        return with_spectrogram(batch, x_db + filter_db[:, None, :, None])

    def _edges(self, n_bins: int, generator: torch.Generator) -> list[int]:
        """Return the edges of the bands in bins, from 0 to n_bins."""
        fewest, most, least_width = PUBLISHED[self.filter_type]
        device = generator.device
        n_bands = int(torch.randint(fewest, most + 1, (), generator=generator, device=device))
        least_width = min(least_width, n_bins // n_bands)
        spare = n_bins - n_bands * least_width
        inner = torch.randint(spare + 1, (n_bands - 1,), generator=generator, device=device)
        offsets = torch.arange(1, n_bands, device=device) * least_width
        return [0, *(inner.sort().values + offsets).tolist(), n_bins]

    def _filter(self, edges: list[int], gains_db: torch.Tensor) -> torch.Tensor:
        """Return the gain of every bin: [batch, bin]."""
        bands = []
        for band, (low, high) in enumerate(pairwise(edges)):
            start_db = end_db = gains_db[:, band, None]  # [batch, 1]
            if self.filter_type == "linear":
                end_db = gains_db[:, band + 1, None]
            along = torch.linspace(0.0, 1.0, high - low, device=gains_db.device)
            bands.append(torch.lerp(start_db, end_db, along))
        return torch.cat(bands, dim=1)


@hookimpl
def devbench_method() -> MethodSpec:
    """Offer the method."""
    return MethodSpec(
        name="filter-augment",
        build=FilterAugment,
        reference="Nam et al., FilterAugment, ICASSP 2022 (arXiv 2110.03282), section 2",
    )
