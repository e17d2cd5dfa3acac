"""FCN-4: four convolutions with max-pooling, nothing else."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

CHANNELS = (128, 384, 768, 2048)
POOLS = ((2, 2), (4, 2), (3, 2))
"""Over bins and frames, behind the first three convolutions; over all that is left behind the last.

The paper's clips of 29 s are pooled by 4, 5 and 8 over frames; clips of a second have fewer.
"""


class FCN4(nn.Module):
    """Four 3x3 convolutions with batch normalisation, ReLU and max-pooling, a linear classifier.

    Source: Choi, Fazekas, Sandler, Automatic Tagging Using Deep Convolutional Neural Networks,
    ISMIR 2016 (arXiv 1606.00298), table 1, FCN-4. width: factor on the channels.
    """

    def __init__(self, n_classes: int, *, width: float = 0.25) -> None:
        super().__init__()
        channels = [1, *(max(1, round(width * n)) for n in CHANNELS)]
        pools = [*(nn.MaxPool2d(pool, ceil_mode=True) for pool in POOLS), nn.AdaptiveMaxPool2d(1)]
        self.layer1, self.layer2, self.layer3, self.layer4 = (
            nn.Sequential(
                nn.Conv2d(n_in, n_out, 3, padding=1, bias=False),
                nn.BatchNorm2d(n_out),
                nn.ReLU(inplace=True),
                pool,
            )
            for (n_in, n_out), pool in zip(pairwise(channels), pools, strict=True)
        )
        self.classifier = nn.Linear(channels[-1], n_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [batch, 1, bin, frame] to logits [batch, class]."""
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
        logits: torch.Tensor = self.classifier(x.flatten(1))
        return logits
