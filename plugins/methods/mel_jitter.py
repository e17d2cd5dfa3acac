"""Mel jitter: the mel bands begin and end at random frequencies."""

from __future__ import annotations

import torch

from devbench import Batch, Method, MethodSpec, hookimpl

from ..checks import require_range
from ..draws import uniform
from ..spectra import spectrogram_of, with_spectrogram


class MelJitter(Method):
    """Stretch the frequency axis of each clip between a random lowest and highest frequency.

    The reference moves the limits of its filter bank. Bands of a computed spectrogram are moved by
    interpolation instead, in dB; what lies beyond the last bin repeats it.

    Args:
        lowest_reach_hz: 0 to 500 Hz, how far the lowest band may rise; 10 in EfficientAT.
        highest_reach_hz: 0 to 8000 Hz, width of the range around the highest band; 2000 there.
    """

    def __init__(self, *, lowest_reach_hz: float = 10.0, highest_reach_hz: float = 2000.0) -> None:
        self.lowest_reach_hz = require_range("lowest_reach_hz", lowest_reach_hz, 0, 500)
        self.highest_reach_hz = require_range("highest_reach_hz", highest_reach_hz, 0, 8000)

    def augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return the batch with bands of its own for every clip."""
        x_db = spectrogram_of(batch)
        bin_hz, n_bins = batch.bin_hz, x_db.shape[2]
        half_hz, n_clips = self.highest_reach_hz / 2, (len(batch),)
        lowest_hz = bin_hz[0] + uniform(n_clips, 0.0, self.lowest_reach_hz, x_db, generator)
        highest_hz = bin_hz[-1] + uniform(n_clips, -half_hz, half_hz, x_db, generator)
        first, last = _place(lowest_hz, bin_hz), _place(highest_hz, bin_hz)
        # Bins are equally spaced on the scale of the front end, so the moved ones are, too.
        along = torch.linspace(0.0, 1.0, n_bins, device=x_db.device)
        place = torch.lerp(first[:, None], last[:, None], along).clamp(
            0, n_bins - 1
        )  # [batch, bin]
        below = place.long().clamp(max=n_bins - 2)
        share = (place - below)[:, None, :, None]
        low = x_db.gather(2, below[:, None, :, None].expand_as(x_db))
        high = x_db.gather(2, below[:, None, :, None].expand_as(x_db) + 1)
        return with_spectrogram(batch, torch.lerp(low, high, share.expand_as(low)))


def _place(hz: torch.Tensor, bin_hz: torch.Tensor) -> torch.Tensor:
    """Return where frequencies lie among the bins, in bins; beyond the ends by the last step."""
    right = torch.searchsorted(bin_hz, hz).clamp(1, len(bin_hz) - 1)
    left_hz, right_hz = bin_hz[right - 1], bin_hz[right]
    return right - 1 + (hz - left_hz) / (right_hz - left_hz)


@hookimpl
def devbench_method() -> MethodSpec:
    """Offer the method."""
    return MethodSpec(
        name="mel-jitter",
        build=MelJitter,
        reference="Schmid et al., EfficientAT (arXiv 2211.04772), training recipe",
    )
