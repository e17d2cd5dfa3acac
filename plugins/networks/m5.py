"""M5: one-dimensional convolutions on samples."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

CHANNELS = (128, 128, 256, 512)
FIRST_TAPS, FIRST_STRIDE = 80, 4


class M5(nn.Module):
    """A wide first convolution, three of three taps, batch normalisation, max-pooling by 4, a mean.

    Source: Dai et al., Very deep convolutional neural networks for raw waveforms, ICASSP 2017
    (arXiv 1610.00087), table 1, M5. width: factor on the channels.
    """

    def __init__(self, n_classes: int, *, width: float = 1.0) -> None:
        super().__init__()
        channels = [1, *(max(1, round(width * n)) for n in CHANNELS)]
        self.layer1, self.layer2, self.layer3, self.layer4 = (
            nn.Sequential(
                nn.Conv2d(n_in, n_out, (1, FIRST_TAPS), stride=(1, FIRST_STRIDE),
                          padding=(0, FIRST_TAPS // 2), bias=False)
                if n_in == 1
                else nn.Conv2d(n_in, n_out, (1, 3), padding=(0, 1), bias=False),
                nn.BatchNorm2d(n_out),
                nn.ReLU(inplace=True),
                nn.MaxPool2d((1, 4), ceil_mode=True),
            )
            for n_in, n_out in pairwise(channels)
        )  # fmt: skip
        self.classifier = nn.Linear(channels[-1], n_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [batch, 1, 1, sample] to logits [batch, class]."""
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
        logits: torch.Tensor = self.classifier(x.mean(dim=(2, 3)))
        return logits
