"""The networks of Microphone Conversion: CycleGAN's ResNet generator and its PatchGAN.

Widths and layers after Zhu et al., ICCV 2017 (arXiv 1703.10593), section 7.2, as Microphone
Conversion (arXiv 2401.06913) uses them: one channel, InstanceNorm without learned scale, no tanh.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from .norms import Norm

MULTIPLE = 4
"""Two halvings: frames and bins are padded to a multiple of this and cropped again."""


class ResidualBlock(nn.Module):
    """Conv 3x3, norm, ReLU, conv 3x3, norm, plus the input; no ReLU after the sum."""

    def __init__(self, channels: int, norm: Norm) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect")
        self.first_norm = _norm(norm)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect")
        self.second_norm = _norm(norm)

    def forward(
        self, x: torch.Tensor, modulate: Callable[[torch.Tensor], torch.Tensor] | None = None
    ) -> torch.Tensor:
        """Map [batch, channel, bin, frame] to the same; modulate: called behind the first norm.

        In front of it, InstanceNorm would take a scale and a shift of a channel away again.
        """
        hidden = self.first_norm(self.first(x))
        if modulate is not None:
            hidden = modulate(hidden)
        y: torch.Tensor = x + self.second_norm(self.second(functional.relu(hidden)))
        return y


class ResnetGenerator(nn.Module):
    """Spectrogram to spectrogram, [batch, 1, bin, frame]; 11,365,633 parameters as published.

    Two halvings, n_blocks residual blocks, two doublings. With norm="instance" it is exactly blind
    to level and contrast of its input, G(a x + c) = G(x): the first convolution's InstanceNorm
    takes both away. in_channels: of the input; the output has one.
    """

    def __init__(
        self, width: int = 64, n_blocks: int = 9, norm: Norm = "instance", in_channels: int = 1
    ) -> None:
        super().__init__()
        self.channels = 4 * width
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, width, 7, padding=3, padding_mode="reflect"),
            _norm(norm),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
            _norm(norm),
            nn.ReLU(inplace=True),
            nn.Conv2d(2 * width, 4 * width, 3, stride=2, padding=1),
            _norm(norm),
            nn.ReLU(inplace=True),
        )
        self.blocks = nn.ModuleList(ResidualBlock(4 * width, norm) for _ in range(n_blocks))
        self.head = nn.Sequential(
            nn.ConvTranspose2d(4 * width, 2 * width, 3, 2, padding=1, output_padding=1),
            _norm(norm),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(2 * width, width, 3, 2, padding=1, output_padding=1),
            _norm(norm),
            nn.ReLU(inplace=True),
        )
        self.last = nn.Conv2d(width, 1, 7, padding=3, padding_mode="reflect")
        _initialise(self, norm)

    def forward(
        self, x: torch.Tensor, modulate: Callable[[torch.Tensor], torch.Tensor] | None = None
    ) -> torch.Tensor:
        """Return the converted spectrogram; modulate: FiLM in the first residual block."""
        n_bins, n_frames = x.shape[-2:]
        hidden = self.stem(padded(x))
        for number, block in enumerate(self.blocks):
            hidden = block(hidden, modulate if number == 0 else None)
        y: torch.Tensor = self.last(self.head(hidden))
        return y[..., :n_bins, :n_frames]


class PatchDiscriminator(nn.Module):
    """One judgement per patch of 16x16; 134,337 parameters as published.

    [batch, 1, bin, frame] to [batch, 1, bin / 2 - 2, frame / 2 - 2], no sigmoid.
    """

    def __init__(self, width: int = 64, norm: Norm = "instance") -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(width, 2 * width, 4, stride=1, padding=1),
            _norm(norm),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(2 * width, 1, 4, stride=1, padding=1),
        )
        _initialise(self, norm)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return one value per patch: high for real."""
        y: torch.Tensor = self.layers(x)
        return y


def padded(x: torch.Tensor) -> torch.Tensor:
    """Return x with its last bins and frames repeated up to multiples of 4."""
    n_bins, n_frames = x.shape[-2:]
    return functional.pad(x, (0, -n_frames % MULTIPLE, 0, -n_bins % MULTIPLE), mode="replicate")


class InstanceNorm(nn.Module):
    """InstanceNorm without learned scale: each plane of each clip to mean 0 and deviation 1.

    On a CPU as the layer norm of every plane: the same numbers from a kernel that makes the whole
    training step a third faster.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [batch, channel, bin, frame] to the same."""
        if x.is_cuda:
            return functional.instance_norm(x)
        plane = x.shape[-2:]
        return functional.layer_norm(x.contiguous(), plane)


def _norm(norm: Norm) -> nn.Module:
    return InstanceNorm() if norm == "instance" else nn.Identity()


def _initialise(network: nn.Module, norm: Norm) -> None:
    """Draw weights from N(0, 0.02) and set biases to 0, as CycleGAN does.

    That is far too small where no norm follows: the signal would be lost in a few layers. There,
    weights are drawn so that its variance stays (He et al., ICCV 2015).
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            if norm == "instance":
                nn.init.normal_(module.weight, 0.0, 0.02)
            else:
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            assert module.bias is not None
            nn.init.zeros_(module.bias)
