"""Constant-Q transforms: every bin as wide as its share of an octave."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from devbench import FeatureSpec

from .filter_bank import FilterBank
from .spectrum import decibels, spaced_hz

PASSED = 0.4
"""A band is decimated as long as it stays below this share of the new rate: aliases stay above."""
HALF_TAPS = 32
"""Of the decimator: 0.01 dB of ripple in what is passed, 90 dB and more off what would alias."""


def bandwidth(bins_per_octave: int) -> float:
    """Return the width of a bin as a share of its frequency, 1 / Q: half the way to each side."""
    ratio: float = 4.0 ** (1 / bins_per_octave)
    return (ratio - 1) / (ratio + 1)


def constant_q_filter(hz: float, rate_hz: float, q: float) -> torch.Tensor:
    """Return a Hann-windowed complex exponential of q periods: [tap] complex128.

    Absolute values sum to 1; time 0 is tap len // 2. The same samples as librosa.filters.wavelet.
    """
    half = q * rate_hz / hz / 2
    first, n_taps = -math.ceil(half), math.ceil(half) + math.floor(half)
    phase = 2 * math.pi * hz / rate_hz * torch.arange(first, first + n_taps).double()
    window = torch.hann_window(n_taps, periodic=True, dtype=torch.float64)
    taps = torch.polar(window / window.sum(), phase)
    return functional.pad(taps, (0, n_taps % 2))


class ConstantQ(nn.Module):
    """Constant-Q transform: Hann windows of Q periods, silence around the clip, power in dB.

    Filters are scaled by the root of their length, so that white noise is equally loud in all bins.
    Source: Brown, Calculation of a constant Q spectral transform, JASA 89(1), 1991, section I; the
    definition of librosa.cqt, computed directly.

    bin_hz: buffer [bin] float32, centre of each bin in Hz.
    """

    bin_hz: torch.Tensor

    def __init__(self, features: FeatureSpec, *, lowest_hz: float, bins_per_octave: int) -> None:
        super().__init__()
        self.features = features
        q, hz = _bins(features, lowest_hz, bins_per_octave)
        rate_hz = float(features.sample_rate_hz)
        filters = [
            constant_q_filter(f, rate_hz, q) * math.sqrt(q * rate_hz / f) for f in hz.tolist()
        ]
        self.bank = FilterBank(filters, features.hop_samples)
        self.register_buffer("bin_hz", hz.float(), persistent=False)

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """Map [batch, sample] to [batch, 1, bin, frame] in dB."""
        power = self.bank(waveform, self.features.n_frames(waveform.shape[-1]))
        return decibels(power, self.features)


class SubbandConstantQ(nn.Module):
    """The same transform by octaves: low bins are computed on a decimated waveform.

    At every halving of the rate the same short filters see twice the time, so that the lowest bins
    have windows of half a second without filters of ten thousand taps. The rate is halved as often
    as it halves the hop. Source: Schörkhuber, Klapuri, Constant-Q transform toolbox for music
    processing, SMC 2010, section 3.

    bin_hz: buffer [bin] float32, centre of each bin in Hz.
    """

    bin_hz: torch.Tensor
    decimator: torch.Tensor

    def __init__(self, features: FeatureSpec, *, lowest_hz: float, bins_per_octave: int) -> None:
        super().__init__()
        self.features = features
        q, hz = _bins(features, lowest_hz, bins_per_octave)
        rate_hz, hop = float(features.sample_rate_hz), features.hop_samples
        deepest = (hop & -hop).bit_length() - 1
        levels: list[list[torch.Tensor]] = [[]]
        for f in reversed(hz.tolist()):
            while len(levels) <= deepest and f * (1 + 1 / q) <= PASSED * rate_hz / 2 ** len(levels):
                levels.append([])
            taps = constant_q_filter(f, rate_hz / 2 ** (len(levels) - 1), q)
            levels[-1].insert(0, taps * math.sqrt(q * rate_hz / f))
        self.banks = nn.ModuleList(
            FilterBank(filters, hop >> level) if filters else nn.Identity()
            for level, filters in enumerate(levels)
        )
        self.register_buffer("decimator", half_band(), persistent=False)
        self.register_buffer("bin_hz", hz.float(), persistent=False)

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """Map [batch, sample] to [batch, 1, bin, frame] in dB."""
        n_frames = self.features.n_frames(waveform.shape[-1])
        # What decimation smears beyond the ends is kept: it belongs to the first and last frames.
        first = 2 * HALF_TAPS << (len(self.banks) - 1)
        x = functional.pad(waveform, (first, first))[:, None]  # [batch, 1, sample]
        parts: list[torch.Tensor] = []
        for level, bank in enumerate(self.banks):
            if level > 0:
                x = functional.conv1d(x, self.decimator, stride=2, padding=HALF_TAPS)
            if isinstance(bank, FilterBank):
                parts.insert(0, bank(x[:, 0], n_frames, first >> level))
        return decibels(torch.cat(parts, dim=1), self.features)


def half_band() -> torch.Tensor:
    """Return the low-pass before decimation by 2: a Kaiser-windowed sinc, [1, 1, tap]."""
    time = torch.arange(-HALF_TAPS, HALF_TAPS + 1).double()
    window = torch.kaiser_window(len(time), periodic=False, beta=9.0, dtype=torch.float64)
    taps = torch.sinc(time / 2) * window
    return (taps / taps.sum()).float()[None, None]


def _bins(
    features: FeatureSpec, lowest_hz: float, bins_per_octave: int
) -> tuple[float, torch.Tensor]:
    share = bandwidth(bins_per_octave)
    hz = spaced_hz(features, lowest_hz=lowest_hz, bins_per_octave=bins_per_octave, reach=share)
    return 1 / share, hz
