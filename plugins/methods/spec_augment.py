"""SpecAugment: bands and stretches of time are hidden."""

from __future__ import annotations

import torch

from devbench import Batch, Method, MethodSpec, hookimpl

from ..checks import require_range
from ..draws import coins, uniform
from ..spectra import spectrogram_of, with_spectrogram


class SpecAugment(Method):
    """Replace random bands and stretches of each clip by its mean; no time warping.

    The mean, since a fixed value would be silence for one benchmark and loud for another.

    Args:
        n_masks: 0 to 10, masks along each axis.
        max_bins: 0 to 1, greatest width of a band, as a share of the bins (27 of 80 in the paper).
        max_frames: 0 to 1, greatest length of a stretch, as a share of the frames.
        probability: 0 to 1, that a clip is masked.
    """

    def __init__(
        self,
        *,
        n_masks: int = 2,
        max_bins: float = 0.2,
        max_frames: float = 0.2,
        probability: float = 1.0,
    ) -> None:
        self.n_masks = int(require_range("n_masks", n_masks, 0, 10))
        self.max_bins = require_range("max_bins", max_bins, 0, 1)
        self.max_frames = require_range("max_frames", max_frames, 0, 1)
        self.probability = require_range("probability", probability, 0, 1)

    def augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return the batch with masks of its own on every clip."""
        x_db = spectrogram_of(batch)
        bins = self._hidden(x_db, 2, self.max_bins, generator)[:, None, :, None]
        frames = self._hidden(x_db, 3, self.max_frames, generator)[:, None, None, :]
        masked = coins(len(batch), self.probability, x_db, generator)[:, None, None, None]
        mean_db = x_db.mean(dim=(1, 2, 3), keepdim=True)
        return with_spectrogram(batch, torch.where((bins | frames) & masked, mean_db, x_db))

    def _hidden(
        self, x_db: torch.Tensor, axis: int, max_share: float, generator: torch.Generator
    ) -> torch.Tensor:
        """Return what is hidden along an axis: [batch, place] bool."""
        size, shape = x_db.shape[axis], (len(x_db), self.n_masks, 1)
        width = uniform(shape, 0.0, max_share * size, x_db, generator).round()
        start = (uniform(shape, 0.0, 1.0, x_db, generator) * (size - width + 1)).floor()
        place = torch.arange(size, device=x_db.device)
        return ((place >= start) & (place < start + width)).any(dim=1)


@hookimpl
def devbench_method() -> MethodSpec:
    """Offer the method."""
    return MethodSpec(
        name="spec-augment",
        build=SpecAugment,
        reference="Park et al., SpecAugment, Interspeech 2019 (arXiv 1904.08779), section 2",
    )
