"""Residual normalisation: frequency-wise instance norm that keeps a share of its input."""

from __future__ import annotations

import torch
from torch import nn

EPSILON = 1e-5


def frequency_normalised(x: torch.Tensor) -> torch.Tensor:
    """Return x [batch, channel, bin, frame] with mean 0 and variance 1 in every bin of a clip."""
    variance, mean = torch.var_mean(x.float(), dim=(1, 3), correction=0, keepdim=True)
    return ((x - mean) * (variance + EPSILON).rsqrt()).to(x.dtype)


class ResidualNorm(nn.Module):
    """Return share * x + FreqIN(x). Source: Kim et al., arXiv 2111.06531, section 2.2."""

    def __init__(self, share: float = 0.1) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise [batch, channel, bin, frame]."""
        return self.share * x + frequency_normalised(x)

    def extra_repr(self) -> str:
        """Return the settings for print(model)."""
        return f"share={self.share}"


class AdaptiveResidualNorm(nn.Module):
    """Return gain * (share * x + (1 - share) * FreqIN(x)) + offset, all learned per channel.

    share starts at 1/2, gain at 1, offset at 0. Source: Cai et al., TF-SepNet, arXiv 2309.08200.
    """

    def __init__(self, n_channels: int) -> None:
        super().__init__()
        shape = (1, n_channels, 1, 1)
        self.share = nn.Parameter(torch.full(shape, 0.5))
        self.gain = nn.Parameter(torch.ones(shape))
        self.offset = nn.Parameter(torch.zeros(shape))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise [batch, channel, bin, frame]."""
        mixed = torch.lerp(frequency_normalised(x).float(), x.float(), self.share)
        return (self.gain * mixed + self.offset).to(x.dtype)
