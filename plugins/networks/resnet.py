"""Residual networks for one-channel spectrograms (He et al., CVPR 2016)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import nn


class ResNet(nn.Module):
    """A stem, four stages of residual blocks, a mean over bins and frames, a linear classifier.

    The stem is a 7x7 convolution of stride 2 and a max-pooling of stride 2. Stages 2 to 4 halve
    bins and frames in their first block. Source: He et al., table 1, with one input channel.

    block: the class of the residual blocks. n_blocks: blocks of each stage.
    """

    def __init__(
        self, block: type[BasicBlock | Bottleneck], n_blocks: Sequence[int], n_classes: int
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            OrderedDict(
                conv=nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False),
                norm=nn.BatchNorm2d(64),
                relu=nn.ReLU(inplace=True),
                pool=nn.MaxPool2d(3, stride=2, padding=1),
            )
        )
        n_in = 64
        stages = []
        for stage, count in enumerate(n_blocks):
            width = 64 * 2**stage
            blocks: list[nn.Module] = []
            for index in range(count):
                stride = 2 if stage > 0 and index == 0 else 1
                blocks.append(block(n_in, width, stride))
                n_in = width * block.expansion
            stages.append(nn.Sequential(*blocks))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.classifier = nn.Linear(n_in, n_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [batch, 1, bin, frame] to logits [batch, class]."""
        for stage in (self.stem, self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
        logits: torch.Tensor = self.classifier(x.mean(dim=(2, 3)))
        return logits


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut."""

    expansion = 1

    def __init__(self, n_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv2d(n_in, width, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )
        self.shortcut = _shortcut(n_in, width, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [batch, n_in, bin, frame] to [batch, width, bin / stride, frame / stride]."""
        return torch.relu(self.path(x) + self.shortcut(x))


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions and a shortcut; the stride is in the 3x3, as usual today."""

    expansion = 4

    def __init__(self, n_in: int, width: int, stride: int) -> None:
        super().__init__()
        n_out = width * self.expansion
        self.path = nn.Sequential(
            nn.Conv2d(n_in, width, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, n_out, 1, bias=False),
            nn.BatchNorm2d(n_out),
        )
        self.shortcut = _shortcut(n_in, n_out, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [batch, n_in, bin, frame] to [batch, 4 * width, bin / stride, frame / stride]."""
        return torch.relu(self.path(x) + self.shortcut(x))


def _shortcut(n_in: int, n_out: int, stride: int) -> nn.Module:
    """Return the identity, or a 1x1 projection where the shape changes."""
    if n_in == n_out and stride == 1:
        return nn.Identity()
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, 1, stride=stride, bias=False), nn.BatchNorm2d(n_out)
    )
