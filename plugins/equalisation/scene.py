"""What the estimator learns from: a random scene on two recordings, a random EQ on one of them."""

from __future__ import annotations

import math

import torch

from ..draws import uniform
from ..equaliser import biquads

CROSSOVERS_HZ = (200.0, 500.0, 2000.0, 8000.0)
SCENE_REACH_DB = 10.0
SLOPE_ORDER = 4
"""Linkwitz-Riley filters of fourth order: 24 dB per octave."""
PADDING_S = 0.4
"""Room in which filters ring out, so that the circular convolution of a transform is a linear one.

The poles of a peak at 260 Hz of quality 10, lifted by 10 dB, have lost 150 dB by then; those of a
low shelf at 85 Hz about 50 dB.
"""


def scene_gain(
    n: int, at_hz: torch.Tensor, generator: torch.Generator, reach_db: float = SCENE_REACH_DB
) -> torch.Tensor:
    """Return the gain factors of random five-band equalisers at at_hz [bin]: [n, bin].

    The bands are what Linkwitz-Riley crossovers leave of a spectrum, in zero phase; with equal
    gains they sum to that gain everywhere.
    """
    bands, above = [], torch.ones_like(at_hz)  # above: what the crossovers so far pass upwards
    for crossover_hz in CROSSOVERS_HZ:
        ratio = (at_hz / crossover_hz) ** SLOPE_ORDER
        below = 1 / (1 + ratio)
        bands.append(above * below)
        above = above * (1 - below)
    levels_db = uniform((n, len(CROSSOVERS_HZ) + 1), -reach_db, reach_db, at_hz, generator)
    return 10 ** (levels_db / 20) @ torch.stack([*bands, above])


def equaliser_gain(
    values: torch.Tensor, at_hz: torch.Tensor, sample_rate_hz: float
) -> torch.Tensor:
    """Return the complex gain of parametric equalisers at at_hz [bin]: [batch, bin] complex64.

    values: gains in dB, frequencies in Hz and qualities, [batch, 3, band].
    """
    omega = 2 * math.pi * at_hz.double() / sample_rate_hz
    delays = torch.exp(-1j * omega[:, None] * torch.arange(3, device=at_hz.device))  # [bin, 3]
    gain_db, frequency_hz, quality = values.unbind(dim=1)
    numerators, denominators = biquads(gain_db, frequency_hz, quality, sample_rate_hz)
    gain = torch.ones(len(values), len(at_hz), dtype=delays.dtype, device=at_hz.device)
    for band in range(numerators.shape[1]):
        top, bottom = (part[:, band].to(delays.dtype) @ delays.T for part in
                       (numerators, denominators))  # fmt: skip
        gain = gain * (top / bottom)
    return gain.to(torch.complex64)


def staged_pair(
    first: torch.Tensor,
    second: torch.Tensor,
    values: torch.Tensor,
    sample_rate_hz: float,
    generator: torch.Generator,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return both recordings through one random scene, the second through its equaliser as well.

    first, second: [batch, sample] of different recordings. values: [batch, 3, band], the settings
    to be found. The same shapes come out.
    """
    n_samples = first.shape[1]
    n_fft = _fast_length(n_samples + math.ceil(PADDING_S * sample_rate_hz))
    at_hz = torch.fft.rfftfreq(n_fft, 1 / sample_rate_hz, device=first.device)
    scene = scene_gain(len(first), at_hz, generator)
    spectrum = torch.fft.rfft(torch.stack([first, second]), n_fft) * scene
    spectrum[1] *= equaliser_gain(values, at_hz, sample_rate_hz)
    heard = torch.fft.irfft(spectrum, n_fft)[..., :n_samples]
    return heard[0], heard[1]


def _fast_length(least: int) -> int:
    """Return the least length of a fast transform: a power of two, or three quarters of one."""
    power = 1 << (least - 1).bit_length()
    return 3 * power // 4 if 3 * power // 4 >= least else power
