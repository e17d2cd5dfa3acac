"""A CNN of four blocks: small enough for two cores."""

from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise

import torch
from torch import nn


class SmallCNN(nn.Module):
    """Four blocks that halve bins and frames and double channels, a mean, a linear classifier.

    width: channels of the first block. dropout: share of pooled features zeroed in training.
    """

    def __init__(self, n_classes: int, *, width: int = 32, dropout: float = 0.0) -> None:
        super().__init__()
        channels = [1, width, 2 * width, 4 * width, 8 * width]
        self.block1, self.block2, self.block3, self.block4 = (
            _block(n_in, n_out) for n_in, n_out in pairwise(channels)
        )
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(channels[-1], n_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [batch, 1, bin, frame] to logits [batch, class]."""
        for block in (self.block1, self.block2, self.block3, self.block4):
            x = block(x)
        pooled = x.mean(dim=(2, 3))  # [batch, channel]
        logits: torch.Tensor = self.classifier(self.dropout(pooled))
        return logits


def _block(n_in: int, n_out: int) -> nn.Sequential:
    """Return convolution, batch norm, pooling and ReLU."""
    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(n_in, n_out, 3, padding=1, bias=False),
            norm=nn.BatchNorm2d(n_out),
            # ReLU commutes with a maximum and costs a quarter after it. Rounding the size up
            # keeps clips of fewer than 16 frames.
            pool=nn.MaxPool2d(2, ceil_mode=True),
            relu=nn.ReLU(inplace=True),
        )
    )
