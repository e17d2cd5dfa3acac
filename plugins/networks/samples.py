"""The waveform as its own features."""

from __future__ import annotations

import torch
from torch import nn


class Samples(nn.Module):
    """Give the samples as they are. bin_hz: buffer [1], the number of the only bin."""

    bin_hz: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("bin_hz", torch.zeros(1), persistent=False)

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """Map [batch, sample] to [batch, 1, 1, sample]."""
        return waveform[:, None, None]
