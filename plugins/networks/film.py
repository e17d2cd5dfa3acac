"""The FiLM encoder of Unified Microphone Conversion: a response difference to scales and shifts.

Unified Microphone Conversion (arXiv 2410.18322), section 4: three times Conv1d, InstanceNorm, ReLU,
then an MLP. Kernels, strides and widths are not in the paper; these are devbench's.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from .norms import Norm

N_BANDS = 128
WIDTHS, KERNELS = (1, 32, 64, 128), (7, 5, 3)
HIDDEN = 128


class FilmEncoder(nn.Module):
    """Response difference [batch, 128] to (scale, shift), [batch, channel] each.

    The last layer starts at zero and the scale is 1 + its output: training starts as a plain
    CycleGAN. With norm="instance" the encoder cannot see the size of the difference: InstanceNorm
    takes scale and offset of every channel away, so a weak and a strong version of one curve give
    one embedding. norm="none" lets it see.
    """

    def __init__(self, channels: int, norm: Norm = "instance") -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after, kernel in zip(WIDTHS, WIDTHS[1:], KERNELS, strict=False):
            layers.append(
                nn.Conv1d(before, after, kernel, 2, padding=kernel // 2, padding_mode="replicate")
            )
            layers.append(nn.InstanceNorm1d(after) if norm == "instance" else nn.Identity())
            layers.append(nn.ReLU(inplace=True))
        self.convolutions = nn.Sequential(*layers)
        self.hidden = nn.Linear(WIDTHS[-1] * N_BANDS // 2 ** len(KERNELS), HIDDEN)
        self.out = nn.Linear(HIDDEN, 2 * channels)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, difference: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return scale and shift for a difference in units of the generator's input."""
        embedding = self.convolutions(difference[:, None]).flatten(1)
        scale, shift = self.out(functional.relu(self.hidden(embedding))).chunk(2, dim=1)
        return 1 + scale, shift


def modulated(x: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """Return x [batch, channel, bin, frame] scaled and shifted per channel."""
    return x * scale[:, :, None, None] + shift[:, :, None, None]
