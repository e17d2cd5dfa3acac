"""What takes the distribution of a band from one device to another: a rising map per band.

In one dimension the cheapest way from one distribution to another keeps the order: the quantile of
30 % goes to the quantile of 30 %. It needs no pairs, and it carries gain, noise floor and limiter
at once; it knows nothing of time or of what other bands do.
"""

from __future__ import annotations

import torch

from devbench import UnlabelledView

from ..spectra import spectrogram_of

N_QUANTILES = 33
MAX_FRAMES = 200_000


def band_quantiles(clips: UnlabelledView) -> torch.Tensor:
    """Return equally spaced quantiles in dB of every bin over clips and time: [quantile, bin]."""
    frames = torch.cat([spectrogram_of(batch)[:, 0].mT.flatten(0, 1).cpu() for batch in clips])
    every = -(-len(frames) // MAX_FRAMES)
    ordered = frames[::every].sort(dim=0).values.double()  # [frame, bin]
    place = torch.linspace(0, len(ordered) - 1, N_QUANTILES, dtype=torch.float64)
    left = place.long().clamp(max=max(0, len(ordered) - 2))
    right = (left + 1).clamp(max=len(ordered) - 1)
    along = (place - left)[:, None]
    return torch.lerp(ordered[left], ordered[right], along).float()


def transported(x: torch.Tensor, source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return x with every bin's values moved from one distribution to another.

    x: [batch, 1, bin, frame]. source, target: quantiles of each clip's device and of the device it
    is to resemble, [batch, quantile, bin], in the units of x. Values outside keep their distance to
    the nearest quantile.
    """
    n_quantiles = source.shape[1]
    rising = source + torch.arange(n_quantiles, device=x.device)[:, None] * 1e-6  # ties, at floors
    knots = rising.mT.contiguous()  # [batch, bin, quantile]
    values = x[:, 0].contiguous()  # [batch, bin, frame]
    right = torch.searchsorted(knots, values).clamp(1, n_quantiles - 1)
    low, high = knots.gather(2, right - 1), knots.gather(2, right)
    goals = target.mT
    goal_low, goal_high = goals.gather(2, right - 1), goals.gather(2, right)
    inside = torch.minimum(torch.maximum(values, knots[..., :1]), knots[..., -1:])
    along = (inside - low) / (high - low)
    return (torch.lerp(goal_low, goal_high, along) + (values - inside))[:, None]
