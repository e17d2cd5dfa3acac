"""Relaxed instance frequency-wise normalisation."""

from __future__ import annotations

import torch
from torch import nn


class RelaxedFrequencyNorm(nn.Module):
    """Return share * LN(x) + (1 - share) * IFN(x); both without parameters, in training and use.

    LN normalises a clip over (channel, bin, frame), IFN each of its bins over (channel, frame);
    variances are biased. Source: Kim et al., Interspeech 2022, section 3.
    """

    def __init__(self, layer_norm_share: float = 0.5, epsilon: float = 1e-5) -> None:
        super().__init__()
        self.layer_norm_share = layer_norm_share
        self.epsilon = epsilon

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise [batch, channel, bin, frame]; statistics are float32 under autocast too."""
        share = self.layer_norm_share
        bin_var, bin_mean = torch.var_mean(
            x.float(), dim=(1, 3), correction=0, keepdim=True
        )  # [batch, 1, bin, 1]
        # Bins hold equally many values: the statistics of the clip follow from those of its bins.
        clip_mean = bin_mean.mean(dim=2, keepdim=True)
        clip_var = bin_var.mean(dim=2, keepdim=True) + bin_mean.var(
            dim=2, correction=0, keepdim=True
        )
        clip_scale = share * (clip_var + self.epsilon).rsqrt()
        bin_scale = (1 - share) * (bin_var + self.epsilon).rsqrt()
        # Both norms are affine in x: one pass over x computes their sum.
        scale = clip_scale + bin_scale
        return (x * scale - (clip_scale * clip_mean + bin_scale * bin_mean)).to(x.dtype)

    def extra_repr(self) -> str:
        """Return the settings for print(model)."""
        return f"layer_norm_share={self.layer_norm_share}, epsilon={self.epsilon}"
