"""What is made of mel bands beside decibels: cepstral coefficients, and normalised energy."""

from __future__ import annotations

import math

import torch
from torch import nn

from devbench import ContractError, FeatureSpec

from .log_mel import LogMel, slaney_bands
from .spectrum import PowerSpectrum

BLOCK_FRAMES = 512
STEPS_PER_UNIT = 2.0**15
"""PCEN's constants are of 16-bit samples; full scale is 1 here."""


class MelCepstrum(nn.Module):
    """Mel-frequency cepstral coefficients: the orthonormal DCT-II of mel bands in dB.

    Source: Davis, Mermelstein, IEEE Trans. ASSP 28(4), 1980; the definition of
    librosa.feature.mfcc. bin_hz: buffer [coefficient], their numbers: they are no frequencies.
    """

    bin_hz: torch.Tensor
    cosines: torch.Tensor

    def __init__(self, features: FeatureSpec, *, n_coefficients: int) -> None:
        super().__init__()
        n_mels = features.n_mels
        if n_coefficients > n_mels:
            raise ContractError(
                f"n_coefficients is {n_coefficients}, of {n_mels} mel bands",
                fix=f"choose {n_mels} at most",
            )
        self.log_mel = LogMel(features)
        order = torch.arange(n_coefficients).double()
        place = (torch.arange(n_mels).double() + 0.5) * math.pi / n_mels
        cosines = torch.cos(order[:, None] * place) * math.sqrt(2 / n_mels)
        cosines[0] /= math.sqrt(2)
        self.register_buffer("cosines", cosines.float(), persistent=False)
        self.register_buffer("bin_hz", order.float(), persistent=False)

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """Map [batch, sample] to [batch, 1, coefficient, frame]."""
        return torch.matmul(self.cosines, self.log_mel(waveform))


class NormalisedEnergy(nn.Module):
    """Per-channel energy normalisation of the power E in mel bands.

    (E / (e + M)^gain + bias)^power - bias^power, where M is E smoothed over time, from its first
    frame on. Source: Wang et al., Trainable frontend for robust and far-field keyword spotting,
    ICASSP 2017 (arXiv 1607.05666), section 2, with its constants; smoothing as in librosa.pcen.

    bin_hz: buffer [bin] float32, centre of each band in Hz.
    """

    bin_hz: torch.Tensor
    bands: torch.Tensor
    smoothing: torch.Tensor
    fading: torch.Tensor

    def __init__(
        self, features: FeatureSpec, *, gain: float, bias: float, power: float,
        time_constant_s: float, epsilon: float = 1e-6,
    ) -> None:  # fmt: skip
        super().__init__()
        self.gain, self.bias, self.power, self.epsilon = gain, bias, power, epsilon
        self.spectrum = PowerSpectrum(features)
        bands, hz = slaney_bands(features)
        frames = time_constant_s * features.sample_rate_hz / features.hop_samples
        new_share = (math.sqrt(1 + 4 * frames**2) - 1) / (2 * frames**2)
        ago = torch.arange(BLOCK_FRAMES).double()
        past = (ago[:, None] - ago).clamp(min=0)
        weights = torch.tril(new_share * (1 - new_share) ** past)  # [frame, earlier frame]
        self.register_buffer("bands", STEPS_PER_UNIT**2 * bands.float(), persistent=False)
        self.register_buffer("bin_hz", hz.float(), persistent=False)
        self.register_buffer("smoothing", weights.float(), persistent=False)
        self.register_buffer("fading", ((1 - new_share) ** (ago + 1)).float(), persistent=False)

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """Map [batch, sample] to [batch, 1, bin, frame]."""
        energy = torch.matmul(self.bands, self.spectrum(waveform))  # [batch, bin, frame]
        level = self.gain * (self._smoothed(energy) + self.epsilon).log()
        quotient = energy * torch.exp(-level)
        lift: float = self.bias**self.power
        return ((quotient + self.bias).pow(self.power) - lift)[:, None]

    def _smoothed(self, energy: torch.Tensor) -> torch.Tensor:
        """Return the smoothed energy, in blocks that each go on from the one before."""
        last, parts = energy[..., :1], []
        for block in torch.split(energy, BLOCK_FRAMES, dim=-1):
            n_frames = block.shape[-1]
            own = torch.matmul(block, self.smoothing[:n_frames, :n_frames].T)
            parts.append(own + last * self.fading[:n_frames])
            last = parts[-1][..., -1:]
        return torch.cat(parts, dim=-1)
