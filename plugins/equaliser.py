"""A four-band parametric equaliser: low shelf, two peaks, high shelf, as biquads in a row.

Coefficients after R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients".
"""

from __future__ import annotations

import math

import torch

BANDS = ("low-shelf", "peak", "peak", "high-shelf")
LOWEST_HZ = (85.0, 260.0, 2005.0, 4005.0)
HIGHEST_HZ = (255.0, 2000.0, 4000.0, 16_000.0)
"""Limits of the bands' frequencies (Mimilakis, Bryan, Smaragdis, One-Shot Parametric Audio
Production Style Transfer, ICASSP 2020, section 4)."""


def biquads(
    gain_db: torch.Tensor, centre_hz: torch.Tensor, quality: torch.Tensor, sample_rate_hz: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return numerators and denominators of the four filters: two [..., 4, 3], in float64.

    gain_db, centre_hz, quality: [..., 4], a band each.
    """
    root = 10 ** (gain_db.double() / 40)
    omega = 2 * math.pi * centre_hz.double() / sample_rate_hz
    cosine, alpha = omega.cos(), omega.sin() / (2 * quality.double())
    up, down, slope = root + 1, root - 1, 2 * root.sqrt() * alpha
    # A shelf that lifts what is above is one that lifts what is below, mirrored at the centre.
    shelves = []
    for mirror in (1.0, -1.0):
        c = mirror * cosine
        numerator = (
            root * (up - down * c + slope),
            mirror * 2 * root * (down - up * c),
            root * (up - down * c - slope),
        )
        denominator = (up + down * c + slope, mirror * -2 * (down + up * c), up + down * c - slope)
        shelves.append((torch.stack(numerator, -1), torch.stack(denominator, -1)))
    peak = (
        torch.stack((1 + alpha * root, -2 * cosine, 1 - alpha * root), -1),
        torch.stack((1 + alpha / root, -2 * cosine, 1 - alpha / root), -1),
    )
    low, high = shelves
    numerators, denominators = (
        torch.stack(
            (low[i][..., 0, :], peak[i][..., 1, :], peak[i][..., 2, :], high[i][..., 3, :]), -2
        )
        for i in (0, 1)
    )
    return numerators, denominators


def response_db(
    gain_db: torch.Tensor,
    centre_hz: torch.Tensor,
    quality: torch.Tensor,
    *,
    at_hz: torch.Tensor,
    sample_rate_hz: float,
) -> torch.Tensor:
    """Return the response of all four bands together in dB at at_hz [bin]: [..., bin] float32."""
    omega = 2 * math.pi * at_hz.double() / sample_rate_hz
    delays = torch.exp(-1j * omega[:, None] * torch.arange(3, device=at_hz.device))  # [bin, 3]
    magnitude_db = [
        20 * (part.to(delays.dtype) @ delays.T).abs().log10()  # [..., 4, bin]
        for part in biquads(gain_db, centre_hz, quality, sample_rate_hz)
    ]
    return (magnitude_db[0] - magnitude_db[1]).sum(dim=-2).float()
