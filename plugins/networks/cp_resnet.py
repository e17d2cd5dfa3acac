"""CP-ResNet: a residual network whose receptive field is chosen apart from its depth."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn

N_BLOCKS = 12
POOLED = (1, 2, 4)
"""Blocks behind which bins and frames are halved, the first block being 1."""


class CPResNet(nn.Module):
    """A 5x5 stem of stride 2, twelve residual blocks, a 1x1 classifier and a mean of its logits.

    Each block has two convolutions. Those of block 1 are 3x3 and 1x1; of the 22 that follow, the
    first rho are 3x3 and the others 1x1. Source: Koutini et al., The Receptive Field as a
    Regularizer, EUSIPCO 2019, table 1.

    width: channels of blocks 1 to 4; 5 to 8 have twice, 9 to 12 four times as many.
    """

    def __init__(self, n_classes: int, *, rho: int = 7, width: int = 128) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, width, 5, stride=2, padding=2, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        )
        blocks: list[list[nn.Module]] = [[], [], []]
        n_in = width
        for number in range(1, N_BLOCKS + 1):
            stage = (number - 1) // 4
            n_out = width * 2**stage
            second = 2 * number - 2  # place of the block's second convolution among the 22
            sizes = (
                (3, 1) if number == 1 else tuple(3 if k <= rho else 1 for k in (second - 1, second))
            )
            blocks[stage].append(_Block(n_in, n_out, sizes))
            if number in POOLED:
                blocks[stage].append(nn.MaxPool2d(2, ceil_mode=True))
            n_in = n_out
        self.layer1, self.layer2, self.layer3 = (nn.Sequential(*stage) for stage in blocks)
        self.classifier = nn.Sequential(
            OrderedDict(
                conv=nn.Conv2d(n_in, n_classes, 1, bias=False), norm=nn.BatchNorm2d(n_classes)
            )
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [batch, 1, bin, frame] to logits [batch, class]."""
        for stage in (self.stem, self.layer1, self.layer2, self.layer3, self.classifier):
            x = stage(x)
        return x.mean(dim=(2, 3))


class _Block(nn.Module):
    def __init__(self, n_in: int, n_out: int, sizes: tuple[int, ...]) -> None:
        super().__init__()
        first, second = sizes
        self.path = nn.Sequential(
            nn.Conv2d(n_in, n_out, first, padding=first // 2, bias=False),
            nn.BatchNorm2d(n_out),
            nn.ReLU(inplace=True),
            nn.Conv2d(n_out, n_out, second, padding=second // 2, bias=False),
            nn.BatchNorm2d(n_out),
        )
        self.shortcut: nn.Module = nn.Identity()
        if n_in != n_out:
            self.shortcut = nn.Sequential(
                nn.Conv2d(n_in, n_out, 1, bias=False), nn.BatchNorm2d(n_out)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.path(x) + self.shortcut(x))


def receptive_field(rho: int) -> int:
    """Return how many bins, and frames, one place of the last layer sees."""
    field, step = 5, 2
    for number in range(1, N_BLOCKS + 1):
        wide = 1 if number == 1 else sum(k <= rho for k in (2 * number - 3, 2 * number - 2))
        field += 2 * step * wide
        if number in POOLED:
            field += step
            step *= 2
    return field
