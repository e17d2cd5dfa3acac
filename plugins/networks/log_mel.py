"""Waveform to mel spectrogram in decibels."""

from __future__ import annotations

import math

import torch
import torchaudio
from torch import nn

from devbench import DataError, FeatureSpec


class LogMel(nn.Module):
    """Power in mel bands: Hann window, centred frames, Slaney scale, bands of unit area.

    The transform is torchaudio's. The band weights are computed here in float64, since float32
    ones, as torchaudio makes them, are off by up to 1e-5. Same definition as librosa's default.

    bin_hz: buffer [bin] float32, centre of each band in Hz.
    """

    bin_hz: torch.Tensor
    weights: torch.Tensor

    def __init__(self, features: FeatureSpec) -> None:
        super().__init__()
        self.features = features
        self.floor_power = 10 ** (features.floor_db / 10)
        self.spectrogram = torchaudio.transforms.Spectrogram(
            n_fft=features.n_fft,
            hop_length=features.hop_samples,
            power=2.0,
            center=True,
            pad_mode=features.pad_mode,
        )
        weights, bin_hz = slaney_bands(features)
        # Both follow from the settings: no need to store them with the weights of a model.
        self.register_buffer("weights", weights.float(), persistent=False)
        self.register_buffer("bin_hz", bin_hz.float(), persistent=False)

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """Map [batch, sample] to [batch, 1, bin, frame] in dB, in float32 under autocast too."""
        n_samples, n_least = waveform.shape[-1], self.features.n_fft // 2 + 1
        if self.features.pad_mode == "reflect" and n_samples < n_least:
            raise DataError(
                f"a clip of {n_samples} samples is too short to be mirrored at its ends",
                fix=f"use clips of at least {n_least} samples, or pad_mode = 'constant'",
            )
        with torch.autocast(waveform.device.type, enabled=False):
            power = self.spectrogram(waveform.float())  # [batch, frequency, frame]
            band_power = torch.matmul(self.weights, power)  # [batch, bin, frame]
            decibels = 10 * band_power.clamp(min=self.floor_power).log10()
        return decibels[:, None]


def slaney_bands(features: FeatureSpec) -> tuple[torch.Tensor, torch.Tensor]:
    """Return triangles of unit area [bin, frequency] and their centres in Hz [bin], both float64.

    The Slaney mel scale is linear below 1 kHz (15 mel) and logarithmic above.
    """
    low_mel, high_mel = _to_mel(features.fmin_hz), _to_mel(features.fmax_hz)
    edge_mel = torch.linspace(low_mel, high_mel, features.n_mels + 2, dtype=torch.float64)
    log_hz = 1000 * torch.exp((edge_mel - 15) * (math.log(6.4) / 27))
    edge_hz = torch.where(edge_mel < 15, edge_mel * (200 / 3), log_hz)
    nyquist_hz = features.sample_rate_hz / 2
    frequency_hz = torch.linspace(0, nyquist_hz, features.n_fft // 2 + 1, dtype=torch.float64)
    low, centre, high = edge_hz[:-2, None], edge_hz[1:-1, None], edge_hz[2:, None]
    rising, falling = (frequency_hz - low) / (centre - low), (high - frequency_hz) / (high - centre)
    triangles = torch.minimum(rising, falling).clamp(min=0)
    return triangles * (2 / (high - low)), edge_hz[1:-1]


def _to_mel(hz: float) -> float:
    return hz * 3 / 200 if hz < 1000 else 15 + 27 * math.log(hz / 1000) / math.log(6.4)
