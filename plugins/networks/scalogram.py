"""Continuous wavelet transform with Morlet wavelets, as a filter bank."""

from __future__ import annotations

import math

import torch
from torch import nn

from devbench import FeatureSpec

from .filter_bank import FilterBank
from .spectrum import decibels, spaced_hz

REACH_SIGMA = 4.0
"""Gaussians end at 1/3000 of their maximum."""


def morlet(hz: float, rate_hz: float, omega: float) -> torch.Tensor:
    """Return a Morlet wavelet centred at hz: [tap] complex128 of energy 1, odd length.

    A complex exponential under a Gaussian of standard deviation omega / (2 pi hz). The term that
    makes its mean 0 is below 1e-5 from omega = 5 on, and left out.
    """
    sigma = omega * rate_hz / (2 * math.pi * hz)  # samples
    half = math.ceil(REACH_SIGMA * sigma)
    time = torch.arange(-half, half + 1).double()
    envelope = torch.exp(-0.5 * (time / sigma).square())
    taps = torch.polar(envelope, 2 * math.pi * hz / rate_hz * time)
    return taps / math.sqrt(sigma * math.sqrt(math.pi))


class Scalogram(nn.Module):
    """Power in dB of Morlet wavelets of energy 1, silence around the clip.

    White noise is equally loud in all bins. Source: Torrence, Compo, A practical guide to wavelet
    analysis, Bull. AMS 79(1), 1998, section 3 and table 1.

    bin_hz: buffer [bin] float32, centre of each bin in Hz.
    """

    bin_hz: torch.Tensor

    def __init__(
        self, features: FeatureSpec, *, lowest_hz: float, bins_per_octave: int, omega: float
    ) -> None:
        super().__init__()
        self.features = features
        reach = 2 / omega  # two standard deviations of its spectrum
        hz = spaced_hz(features, lowest_hz=lowest_hz, bins_per_octave=bins_per_octave, reach=reach)
        rate_hz = float(features.sample_rate_hz)
        filters = [morlet(f, rate_hz, omega) for f in hz.tolist()]
        self.bank = FilterBank(filters, features.hop_samples)
        self.register_buffer("bin_hz", hz.float(), persistent=False)

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """Map [batch, sample] to [batch, 1, bin, frame] in dB."""
        power = self.bank(waveform, self.features.n_frames(waveform.shape[-1]))
        return decibels(power, self.features)
