"""The network: convolutions over bins and frames, attention over frames."""

from __future__ import annotations

import torch
from torch import nn


class Block(nn.Sequential):
    """Convolve, normalise, and halve bins and frames: [batch, n_in, bin, frame] to [.., n_out, ..].

    ceil_mode keeps at least one bin and one frame, however short the clip is.
    """

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__(
            nn.Conv2d(n_in, n_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(n_out),
            nn.ReLU(),
            nn.MaxPool2d(2, ceil_mode=True),
        )


class AttentionOverTime(nn.Module):
    """Weighted means over frames: [batch, channel, frame] to [batch, head * channel].

    The weights of a head come from the frames themselves and sum to 1 over the frames of a clip.
    """

    def __init__(self, n_channels: int, n_heads: int) -> None:
        super().__init__()
        self.scores = nn.Conv1d(n_channels, n_heads, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the means of all heads, end to end."""
        weights = self.scores(x).softmax(dim=2)  # [batch, head, frame]
        means = torch.einsum("bhf,bcf->bhc", weights, x)  # [batch, head, channel]
        return means.flatten(1)


class AttentiveCNN(nn.Module):
    """Three blocks, the mean over bins, attention over frames, one linear layer."""

    def __init__(self, n_classes: int, *, width: int, n_heads: int) -> None:
        super().__init__()
        self.block1 = Block(1, width)
        self.block2 = Block(width, 2 * width)
        self.block3 = Block(2 * width, 4 * width)
        self.attention = AttentionOverTime(4 * width, n_heads)
        self.head = nn.Linear(4 * width * n_heads, n_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [batch, 1, bin, frame] to logits [batch, class]."""
        x = self.block3(self.block2(self.block1(x)))
        x = x.mean(dim=2)  # [batch, channel, frame]: where in frequency no longer counts
        return self.head(self.attention(x))
