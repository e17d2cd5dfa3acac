"""Complex filters as strided convolutions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

BINS_PER_GROUP = 12


class FilterBank(nn.Module):
    """Power of what complex filters of different lengths give, one frame every hop_samples.

    filters: [tap] complex128 each; time 0 is tap len // 2. Neighbours share a convolution that is
    as long as the longest of them: long filters do not make short ones expensive.
    """

    def __init__(self, filters: Sequence[torch.Tensor], hop_samples: int) -> None:
        super().__init__()
        self.hop_samples = hop_samples
        starts = range(0, len(filters), BINS_PER_GROUP)
        self.names = [f"weights{start}" for start in starts]
        for name, start in zip(self.names, starts, strict=True):
            weights = as_convolution(filters[start : start + BINS_PER_GROUP])
            self.register_buffer(name, weights, persistent=False)

    def forward(self, waveform: torch.Tensor, n_frames: int, first: int = 0) -> torch.Tensor:
        """Map [batch, sample] to [batch, bin, frame]; around the waveform is silence.

        first: sample at which the first frame is centred.
        """
        last = first + (n_frames - 1) * self.hop_samples
        parts = []
        for weights in (self.get_buffer(name) for name in self.names):
            half = weights.shape[-1] // 2
            padding = (half - first, last + half - waveform.shape[-1])  # cut where below 0
            framed = functional.pad(waveform[:, None], padding)
            parts.append(power_of(functional.conv1d(framed, weights, stride=self.hop_samples)))
        return torch.cat(parts, dim=1)


def as_convolution(filters: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return complex filters as weights of one convolution: [2 bin, 1, tap] float32.

    The first half is the real parts, the second the imaginary ones, conjugated.
    """
    half = max((len(taps) + 1) // 2 for taps in filters)
    weights = torch.zeros(len(filters), 2 * half, dtype=torch.complex128)
    for row, taps in zip(weights, filters, strict=True):
        start = half - len(taps) // 2
        row[start : start + len(taps)] = taps.conj()
    return torch.cat([weights.real, weights.imag])[:, None].float()


def power_of(parts: torch.Tensor) -> torch.Tensor:
    """Return the power of real and imaginary parts: [batch, 2 bin, frame] to [.., bin, frame]."""
    real, imaginary = parts.square().chunk(2, dim=1)
    return real + imaginary
