"""The unified generator: one network for every pair of devices, told which by the difference."""

from __future__ import annotations

import functools

import torch
from torch import nn
from torch.nn import functional

from .cyclegan import ResnetGenerator
from .film import N_BANDS, FilmEncoder, modulated
from .norms import Norm


class UnifiedGenerator(nn.Module):
    """Convert standardised spectrograms by a response difference in the same units.

    skip: add the input and the difference to what the network returns, whose last layer then
    starts at zero: level and contrast of a clip are kept, and training starts at the closed form.
    informed: show the difference, and where on the frequency axis a bin lies, to the first layer as
    two more channels. norm: of the generator; film_norm: of the FiLM encoder.
    """

    def __init__(
        self,
        width: int = 64,
        n_blocks: int = 9,
        *,
        skip: bool = False,
        informed: bool = False,
        norm: Norm = "instance",
        film_norm: Norm = "instance",
    ) -> None:
        super().__init__()
        self.skip, self.informed = skip, informed
        self.network = ResnetGenerator(width, n_blocks, norm, in_channels=3 if informed else 1)
        self.film = FilmEncoder(self.network.channels, film_norm)
        if skip:
            nn.init.zeros_(self.network.last.weight)

    def forward(self, x: torch.Tensor, difference: torch.Tensor) -> torch.Tensor:
        """Map x [batch, 1, bin, frame] and difference [batch, 128] to [batch, 1, bin, frame]."""
        scale, shift = self.film(difference)
        on_x = on_bins(difference, x.shape[-2])[:, None, :, None].expand_as(x)
        seen = torch.cat([x, on_x, _places(x)], dim=1) if self.informed else x
        y: torch.Tensor = self.network(seen, functools.partial(modulated, scale=scale, shift=shift))
        return x + on_x + y if self.skip else y


def on_bins(difference: torch.Tensor, n_bins: int) -> torch.Tensor:
    """Return a curve on 128 bands, [batch, 128], at n_bins bins equally spaced on the mel scale."""
    assert difference.shape[-1] == N_BANDS
    return functional.interpolate(
        difference[:, None], size=n_bins, mode="linear", align_corners=True
    )[:, 0]


def _places(x: torch.Tensor) -> torch.Tensor:
    """Return -1 at the first bin to 1 at the last: [batch, 1, bin, frame]."""
    place = torch.linspace(-1, 1, x.shape[-2], device=x.device, dtype=x.dtype)
    return place[:, None].expand_as(x)
