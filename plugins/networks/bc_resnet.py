"""BC-ResNet: two-dimensional features, and a one-dimensional path that is broadcast over bins."""

from __future__ import annotations

import torch
from torch import nn

STAGES = ((2, 8, 1, 1), (2, 12, 2, 2), (4, 16, 2, 4), (4, 20, 1, 8))
"""Blocks, channels at width 1, stride over bins, dilation over frames (paper, table 1)."""
MAX_SUB_BANDS = 5


class BCResNet(nn.Module):
    """A stem, four stages of broadcasting blocks, a 5x5 depthwise and a 1x1 convolution, a mean.

    Source: Kim et al., Broadcasted Residual Learning for Efficient Keyword Spotting, Interspeech
    2021 (arXiv 2106.04140), section 2 and table 1. width: factor on all channels.
    """

    def __init__(
        self, n_classes: int, n_bins: int, *, width: float = 1.0, dropout: float = 0.1
    ) -> None:
        super().__init__()
        stem, last = round(16 * width), round(32 * width)
        self.stem = nn.Sequential(
            nn.Conv2d(1, stem, 5, stride=(2, 1), padding=2, bias=False),
            nn.BatchNorm2d(stem),
            nn.ReLU(inplace=True),
        )
        n_in, bins = stem, -(-n_bins // 2)
        stages = []
        for count, channels, stride, dilation in STAGES:
            n_out = round(channels * width)
            bins = -(-bins // stride)
            blocks = []
            for index in range(count):
                step = stride if index == 0 else 1
                blocks.append(
                    _Block(n_in, n_out, bins, stride=step, dilation=dilation, dropout=dropout,
                           changes=index == 0)
                )  # fmt: skip
                n_in = n_out
            stages.append(nn.Sequential(*blocks))
        self.stage1, self.stage2, self.stage3, self.stage4 = stages
        height = min(5, bins)
        self.head = nn.Sequential(
            nn.Conv2d(n_in, n_in, (height, 5), padding=(0, 2), groups=n_in, bias=False),
            nn.Conv2d(n_in, last, 1, bias=False),
            nn.BatchNorm2d(last),
            nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d(1),
        )
        self.classifier = nn.Linear(last, n_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [batch, 1, bin, frame] to logits [batch, class]."""
        for part in (self.stem, self.stage1, self.stage2, self.stage3, self.stage4, self.head):
            x = part(x)
        logits: torch.Tensor = self.classifier(x.flatten(1))
        return logits


class SubSpectralNorm(nn.Module):
    """Batch normalisation of every sub-band of bins on its own (Chang et al., ICASSP 2021).

    There are five sub-bands, or the largest smaller number that divides the bins.
    """

    def __init__(self, n_channels: int, n_bins: int) -> None:
        super().__init__()
        self.n_bands = next(n for n in range(MAX_SUB_BANDS, 0, -1) if n_bins % n == 0)
        self.norm = nn.BatchNorm2d(n_channels * self.n_bands)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise [batch, channel, bin, frame]."""
        n_clips, n_channels, n_bins, n_frames = x.shape
        bands = x.reshape(n_clips, n_channels * self.n_bands, n_bins // self.n_bands, n_frames)
        normed: torch.Tensor = self.norm(bands)
        return normed.reshape(x.shape)


class _Block(nn.Module):
    """f2 over bins, its mean over bins through f1 over frames, both and the input added."""

    def __init__(
        self, n_in: int, n_out: int, n_bins: int, *, stride: int, dilation: int, dropout: float,
        changes: bool,
    ) -> None:  # fmt: skip
        super().__init__()
        self.changes = changes
        entry = (
            [nn.Conv2d(n_in, n_out, 1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU(inplace=True)]
            if changes
            else []
        )
        self.over_bins = nn.Sequential(
            *entry,
            nn.Conv2d(n_out, n_out, (3, 1), stride=(stride, 1), padding=(1, 0), groups=n_out,
                      bias=False),
            SubSpectralNorm(n_out, n_bins),
        )  # fmt: skip
        self.over_frames = nn.Sequential(
            nn.Conv2d(n_out, n_out, (1, 3), padding=(0, dilation), dilation=(1, dilation),
                      groups=n_out, bias=False),
            nn.BatchNorm2d(n_out),
            nn.SiLU(inplace=True),
            nn.Conv2d(n_out, n_out, 1, bias=False),
            nn.Dropout2d(dropout),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.over_bins(x)
        y = y + self.over_frames(y.mean(dim=2, keepdim=True))  # broadcast over bins
        return torch.relu(y if self.changes else y + x)
