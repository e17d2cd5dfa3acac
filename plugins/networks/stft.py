"""Linear spectrograms in decibels, by the fast transform or by a basis that can be trained."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from devbench import FeatureSpec

from .filter_bank import as_convolution, power_of
from .log_mel import slaney_bands
from .spectrum import PowerSpectrum, decibels, frequencies_in_use, require_mirrors


class LogSpectrum(nn.Module):
    """Power per frequency in dB, from fmin_hz to fmax_hz and without 0 Hz.

    bin_hz: buffer [bin] float32.
    """

    bin_hz: torch.Tensor

    def __init__(self, features: FeatureSpec) -> None:
        super().__init__()
        self.features = features
        self.spectrum = PowerSpectrum(features)
        self.used, hz = frequencies_in_use(features)
        self.register_buffer("bin_hz", hz.float(), persistent=False)

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """Map [batch, sample] to [batch, 1, bin, frame] in dB."""
        return decibels(self.spectrum(waveform)[:, self.used], self.features)


class FourierBasis(nn.Module):
    """A Fourier basis as the weights of a strided convolution, power, mel bands, dB.

    Before training it is the short-time Fourier transform. Source: Cheuk et al., nnAudio, IEEE
    Access 8, 2020 (arXiv 1912.12055). With n_fft 1024: 1,050,624 parameters.

    basis: parameter [2 frequency, 1, tap], cosines and sines under the window. is_mel: mel bands of
    the power, which stay as they are. bin_hz: buffer [bin] float32, before training.
    """

    bin_hz: torch.Tensor
    bands: torch.Tensor

    def __init__(self, features: FeatureSpec, *, is_mel: bool) -> None:
        super().__init__()
        self.features = features
        n_fft = features.n_fft
        time = torch.arange(n_fft).double() - n_fft // 2
        frequency = torch.arange(n_fft // 2 + 1).double() / n_fft
        window = torch.hann_window(n_fft, periodic=True, dtype=torch.float64)
        waves = torch.polar(
            window.expand(len(frequency), -1), 2 * math.pi * frequency[:, None] * time
        )
        self.basis = nn.Parameter(as_convolution(list(waves)))
        bands, hz = slaney_bands(features)
        if not is_mel:
            used, hz = frequencies_in_use(features)
            bands = torch.eye(len(frequency), dtype=torch.float64)[used]
        self.register_buffer("bands", bands.float(), persistent=False)
        self.register_buffer("bin_hz", hz.float(), persistent=False)

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """Map [batch, sample] to [batch, 1, bin, frame] in dB."""
        require_mirrors(waveform.shape[-1], self.features)
        half = self.features.n_fft // 2
        framed = functional.pad(waveform[:, None], (half, half), mode=self.features.pad_mode)
        parts = functional.conv1d(framed, self.basis, stride=self.features.hop_samples)
        return decibels(torch.matmul(self.bands, power_of(parts)), self.features)
