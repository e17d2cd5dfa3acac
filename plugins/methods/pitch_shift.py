"""Pitch shift: clips are played higher or lower without getting shorter or longer."""

from __future__ import annotations

import math

import torch

from devbench import Batch, Method, MethodSpec, hookimpl

from ..checks import require_range
from ..draws import choices, coins
from ..waveforms import waveform_of, with_waveform

N_FFT, HOP = 1024, 256


class PitchShift(Method):
    """Shift each clip by a random whole number of semitones.

    A phase vocoder stretches the clip in time, and resampling in the frequency domain brings its
    length back. It can turn one sound into another: classes are not safe from it.

    Args:
        probability: 0 to 1, that a clip is shifted; 0.5 as audiomentations' PitchShift.
        reach_semitones: 1 to 12, farthest shift up and down; 4 there.
    """

    def __init__(self, *, probability: float = 0.5, reach_semitones: int = 4) -> None:
        self.probability = require_range("probability", probability, 0, 1)
        self.reach_semitones = int(require_range("reach_semitones", reach_semitones, 1, 12))

    def augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return the batch with the clips that are changed at other pitches."""
        x = waveform_of(batch)
        semitones = choices(len(batch), 2 * self.reach_semitones + 1, x, generator)
        semitones = semitones - self.reach_semitones
        semitones = semitones * coins(len(batch), self.probability, x, generator)
        shifted = x.clone()
        for step in sorted(set(semitones.tolist())):
            if step:
                rows = semitones == step
                shifted[rows] = at_other_pitch(x[rows], step)
        return with_waveform(batch, shifted)


def at_other_pitch(x: torch.Tensor, semitones: int) -> torch.Tensor:
    """Return x [batch, sample] shifted by semitones, of the same length."""
    import torchaudio

    n_samples, ratio = x.shape[1], 2 ** (semitones / 12)
    window = torch.hann_window(N_FFT, device=x.device)
    frames = torch.stft(x, N_FFT, HOP, window=window, return_complex=True)
    advance = torch.linspace(0, math.pi * HOP, frames.shape[1], device=x.device)[:, None]
    stretched = torchaudio.functional.phase_vocoder(frames, 1 / ratio, advance)
    long = torch.istft(stretched, N_FFT, HOP, window=window, length=round(n_samples * ratio))
    return resampled(long, n_samples)


def resampled(x: torch.Tensor, n_samples: int) -> torch.Tensor:
    """Return x [batch, sample] at n_samples, band-limited, as if it were periodic."""
    n_before = x.shape[1]
    spectrum = torch.fft.rfft(x)[:, : n_samples // 2 + 1]
    y: torch.Tensor = torch.fft.irfft(spectrum, n_samples) * (n_samples / n_before)
    return y


@hookimpl
def devbench_method() -> MethodSpec:
    """Offer the method."""
    return MethodSpec(
        name="pitch-shift",
        build=PitchShift,
        acts_on="waveform",
        reference="baseline of Microphone Conversion (arXiv 2401.06913), section 3; its settings "
        "are not stated",
    )
