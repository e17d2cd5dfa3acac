"""Response curves as filters: variations of a curve, and the minimum-phase filter that has it."""

from __future__ import annotations

import math

import torch

from ..draws import uniform

N_FFT = 4096
"""Curves lie on the bins of this transform: 5 Hz apart at 22050 Hz."""
KNOTS_PER_OCTAVE = 1
LOWEST_KNOT_HZ = 60.0


def curve_hz(sample_rate_hz: float) -> torch.Tensor:
    """Return the frequencies on which curves lie: [bin]."""
    at_hz: torch.Tensor = torch.fft.rfftfreq(N_FFT, 1 / sample_rate_hz)
    return at_hz


def stretched(curves_db: torch.Tensor, share: float, generator: torch.Generator) -> torch.Tensor:
    """Return curves [batch, bin] with every frequency times a factor of its own curve.

    share: 0.1 draws factors from 1 / 1.1 to 1.1, uniform in the logarithm.
    """
    n, n_bins = curves_db.shape
    reach = math.log(1 + share)
    factor = uniform((n, 1), -reach, reach, curves_db, generator).exp()
    place = torch.arange(n_bins, device=curves_db.device) / factor  # [batch, bin]
    place = place.clamp(max=n_bins - 1)
    left = place.long().clamp(max=n_bins - 2)
    return torch.lerp(curves_db.gather(1, left), curves_db.gather(1, left + 1), place - left)


def ripples(
    n: int, reach_db: float, at_hz: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """Return random curves in dB, uniform at every octave and linear in between: [n, bin]."""
    octaves = (at_hz.clamp(min=LOWEST_KNOT_HZ) / LOWEST_KNOT_HZ).log2() * KNOTS_PER_OCTAVE
    n_knots = int(octaves.max().ceil()) + 1
    knots = torch.arange(n_knots, device=at_hz.device)
    weights = (1 - (octaves - knots[:, None]).abs()).clamp(min=0)  # [knot, bin]
    return uniform((n, n_knots), -reach_db, reach_db, at_hz, generator) @ weights


def minimum_phase(curves_db: torch.Tensor) -> torch.Tensor:
    """Return causal filters with these gains, their energy as early as can be: [batch, 4096].

    curves_db: [batch, 2049]. By the cepstrum: what is folded onto positive time has the magnitude
    of the original (Oppenheim and Schafer, Discrete-Time Signal Processing, section 13.2).
    """
    cepstrum = torch.fft.irfft(curves_db * (math.log(10) / 20), N_FFT)
    fold = torch.full((N_FFT,), 2.0, device=curves_db.device)
    fold[0] = fold[N_FFT // 2] = 1.0
    fold[N_FFT // 2 + 1 :] = 0.0
    taps: torch.Tensor = torch.fft.irfft(torch.fft.rfft(cepstrum * fold).exp(), N_FFT)
    return taps
