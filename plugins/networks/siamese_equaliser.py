"""The one-shot EQ estimator: two recordings in, a distribution over each setting of an EQ out.

Mimilakis, Bryan, Smaragdis, One-Shot Parametric Audio Production Style Transfer with Application
to Frequency Equalization, ICASSP 2020, section 3.
"""

from __future__ import annotations

from typing import Literal

import torch
import torchaudio
from torch import nn
from torch.nn import functional

from ..equalisation.recipes import Comparison
from ..equalisation.settings import N_CLASSES, N_SETTINGS, REACH_DB

N_MELS = 128
WINDOW_S = 0.02
FLOOR_POWER = 1e-10
CHANNELS = (10, 15, 15, 20, 20)
N_FEATURES = CHANNELS[-1] * N_MELS
N_HIDDEN = 440
SLOPE = 0.01
LEAST_MAGNITUDE = 1e-3
"""Below it the logarithm of an embedding says nothing."""


class DecibelMel(nn.Module):
    """Power in 128 mel bands in dB: Hann window of 20 ms, HTK scale from 0 Hz to half the rate.

    A window of 20 ms has fewer bins than there are bands; its transform is padded with zeros to
    four times the window or more, so that no band is empty.
    """

    def __init__(self, sample_rate_hz: int, hop_s: float) -> None:
        super().__init__()
        self.window_samples = round(WINDOW_S * sample_rate_hz)
        self.hop_samples = round(hop_s * sample_rate_hz)
        self.n_fft = 1 << (4 * self.window_samples - 1).bit_length()
        bands = torchaudio.functional.melscale_fbanks(
            self.n_fft // 2 + 1, 0.0, sample_rate_hz / 2, N_MELS, sample_rate_hz
        )
        self.register_buffer("bands", bands.T.contiguous(), persistent=False)
        self.register_buffer("window", torch.hann_window(self.window_samples), persistent=False)

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """Map [batch, sample] to [batch, 1, 128, frame] in dB; the sample is a window or longer."""
        with torch.autocast(waveform.device.type, enabled=False):
            frames = waveform.float().unfold(1, self.window_samples, self.hop_samples)
            spectrum = torch.fft.rfft(frames * self.get_buffer("window"), self.n_fft)
            power = spectrum.real.square() + spectrum.imag.square()  # [batch, frame, frequency]
            band_power = power @ self.get_buffer("bands").T
            decibels: torch.Tensor = 10 * band_power.clamp(min=FLOOR_POWER).log10()
            return decibels.mT[:, None]


class Encoder(nn.Sequential):
    """Convolutions whose pools shorten time and never frequency: [batch, 20, 128, frame / 32]."""

    def __init__(self) -> None:
        layers: list[nn.Module] = []
        for number, (n_in, n_out) in enumerate(zip((1, *CHANNELS), CHANNELS, strict=False)):
            # Zeros around decibels would be a level: the first layer repeats the outermost values.
            mode: Literal["replicate", "zeros"] = "replicate" if number == 0 else "zeros"
            layers += [
                nn.Conv2d(n_in, n_out, 3, padding=1, padding_mode=mode),
                nn.BatchNorm2d(n_out),
                nn.LeakyReLU(SLOPE),
                nn.MaxPool2d((1, 2)),
            ]
        super().__init__(*layers)

    def centre_kernels(self) -> None:
        """Make the kernels of the first layer sum to 0, so that no level passes them."""
        first = self[0]
        assert isinstance(first, nn.Conv2d)
        with torch.no_grad():
            first.weight -= first.weight.mean(dim=(1, 2, 3), keepdim=True)


class SiameseEqualiser(nn.Module):
    """Estimate the settings of the EQ that makes the first recording sound like the second.

    Both recordings go through one encoder, and the mean over time is the embedding. comparison:
    "learned" is a convolution over the two embeddings, as proposed; "linear" is their difference
    and "log" the difference of their logarithms, neither with weights. "spectrum" is a control that
    is not in the paper: no encoder, the embedding is the mean spectrum in dB without its level.
    """

    def __init__(self, comparison: Comparison = "learned") -> None:
        super().__init__()
        self.comparison = comparison
        self.encoder = None if comparison == "spectrum" else Encoder()
        if comparison == "learned":
            self.compare = nn.Conv1d(2, 1, 129, padding=64)
        self.hidden = nn.Linear(N_MELS if comparison == "spectrum" else N_FEATURES, N_HIDDEN)
        self.heads = nn.Linear(N_HIDDEN, N_SETTINGS * N_CLASSES)
        for module in self.modules():
            if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear):
                nn.init.xavier_normal_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        self.remove_level()

    def remove_level(self) -> None:
        """Keep the estimator blind to level; to be called after every update of the weights."""
        if self.encoder is not None:
            self.encoder.centre_kernels()

    def encode(self, x_db: torch.Tensor) -> torch.Tensor:
        """Map [batch, 1, 128, frame] in dB, 32 frames or more, to embeddings [batch, feature].

        There are 2560 features, or 128 without an encoder.
        """
        if self.encoder is None:
            spectrum = x_db.mean(dim=3)[:, 0] / REACH_DB
            return spectrum - spectrum.mean(dim=1, keepdim=True)
        embedding: torch.Tensor = self.encoder(x_db).mean(dim=3).flatten(1)
        return embedding

    def judge(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """Return logits [batch, 12, 21] from two embeddings [batch, feature]."""
        if self.comparison == "learned":
            compared = self.compare(torch.stack([first, second], dim=1))[:, 0]
        elif self.comparison == "log":
            compared = _logarithm(second) - _logarithm(first)
        else:
            compared = second - first
        hidden = functional.leaky_relu(self.hidden(compared), SLOPE)
        logits: torch.Tensor = self.heads(hidden).view(-1, N_SETTINGS, N_CLASSES)
        return logits

    def forward(self, first_db: torch.Tensor, second_db: torch.Tensor) -> torch.Tensor:
        """Map two spectrograms [batch, 1, 128, frame] in dB to logits [batch, 12, 21]."""
        both = self.encode(torch.cat([first_db, second_db]))
        return self.judge(*both.chunk(2))


def _logarithm(embedding: torch.Tensor) -> torch.Tensor:
    return embedding.abs().clamp(min=LEAST_MAGNITUDE).log()
