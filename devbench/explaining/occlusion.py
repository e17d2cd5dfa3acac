"""Bands taken out of clips: what a classifier loses without them is what it decides by.

What stands in a band's place matters more than the taking out:

clip-mean  each bin keeps its own mean over the clip. Level and colour of the device stay, what
           happens in time goes. The result still looks like a recording.
silence    the floor of the features. It takes everything, and leaves an edge that no recording
           has; so a part of the loss is surprise at the edge.
band-stop  the waveform without the band, through the front end again. The only one that is the
           same for every front end, samples included.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch

from devbench.explaining.bands import Bands

Fill = Literal["clip-mean", "silence", "band-stop"]


def without_bins(
    frames: torch.Tensor, bins: torch.Tensor, *, fill: Fill, floor_db: float
) -> torch.Tensor:
    """Return a clip [frame, bin] in dB without some of its bins: [bin] bool."""
    level = frames.mean(dim=0, keepdim=True) if fill == "clip-mean" else floor_db
    return torch.where(bins, level, frames)


def band_stop(samples: torch.Tensor, bands: Bands, band: int, *, rate_hz: int) -> torch.Tensor:
    """Return samples [sample] without one band, of the same length and without delay.

    All bands' complements add up: the sum over bands of samples - band_stop is samples.
    """
    n_samples = samples.shape[-1]
    freq_hz = torch.fft.rfftfreq(n_samples, 1 / rate_hz, dtype=torch.float64)
    taken = torch.from_numpy(bands.weights(freq_hz.numpy())[band]).to(samples.device)
    spectrum = torch.fft.rfft(samples.double())
    kept: torch.Tensor = torch.fft.irfft(spectrum * (1 - taken), n_samples)
    return kept.to(samples.dtype)


def each_clip(
    data: torch.Tensor, index: torch.Tensor, change: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """Return staged data with every clip changed. data: [total, ...]; index: [clip, 2]."""
    changed = data.clone()
    for start, length in index.tolist():
        changed[start : start + length] = change(data[start : start + length])
    return changed
