"""What front ends share: power of the short-time spectrum, decibels, notes of a scale."""

from __future__ import annotations

import math

import torch
import torchaudio
from torch import nn

from devbench import ContractError, DataError, FeatureSpec


class PowerSpectrum(nn.Module):
    """Power of centred, Hann-windowed frames: [batch, sample] to [batch, frequency, frame]."""

    def __init__(self, features: FeatureSpec) -> None:
        super().__init__()
        self.features = features
        self.transform = torchaudio.transforms.Spectrogram(
            n_fft=features.n_fft,
            hop_length=features.hop_samples,
            power=2.0,
            center=True,
            pad_mode=features.pad_mode,
        )

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """Return the power; a clip that cannot be mirrored at its ends is a DataError."""
        require_mirrors(waveform.shape[-1], self.features)
        power: torch.Tensor = self.transform(waveform.float())
        return power


def require_mirrors(n_samples: int, features: FeatureSpec) -> None:
    """Raise DataError for a clip that is shorter than what is mirrored at its ends."""
    n_least = features.n_fft // 2 + 1
    if features.pad_mode == "reflect" and n_samples < n_least:
        raise DataError(
            f"a clip of {n_samples} samples is too short to be mirrored at its ends",
            fix=f"use clips of at least {n_least} samples, or pad_mode = 'constant'",
        )


def decibels(power: torch.Tensor, features: FeatureSpec) -> torch.Tensor:
    """Return power in dB, raised to the floor: [batch, bin, frame] to [batch, 1, bin, frame]."""
    return 10 * power.clamp(min=10 ** (features.floor_db / 10)).log10()[:, None]


def frequencies_in_use(features: FeatureSpec) -> tuple[slice, torch.Tensor]:
    """Return which frequencies of the transform lie in the features' range, and them in Hz.

    Without 0 Hz: no microphone records it, and it has no place on a logarithmic axis.
    """
    hz = torch.arange(features.n_fft // 2 + 1).double() * features.sample_rate_hz / features.n_fft
    inside = ((hz > 0) & (hz >= features.fmin_hz) & (hz <= features.fmax_hz)).nonzero()[:, 0]
    used = slice(int(inside[0]), int(inside[-1]) + 1)
    return used, hz[used]


def spaced_hz(
    features: FeatureSpec, *, lowest_hz: float, bins_per_octave: int, reach: float
) -> torch.Tensor:
    """Return frequencies in equal steps of an octave, float64: [bin].

    The first is lowest_hz, or fmin_hz if that is higher. reach: how far a filter extends above its
    centre, as a share of it; it must not extend above fmax_hz.
    """
    lowest_hz = max(lowest_hz, features.fmin_hz)
    octaves = math.log2(features.fmax_hz / (1 + reach) / lowest_hz)
    if octaves < 1:
        raise ContractError(
            f"lowest_hz {lowest_hz:g} leaves less than an octave below {features.fmax_hz:g} Hz",
            fix="lower it",
        )
    n_bins = math.floor(octaves * bins_per_octave) + 1
    return lowest_hz * 2.0 ** (torch.arange(n_bins).double() / bins_per_octave)
