"""Waveform batches: how methods that act on waveforms read, convolve and write them."""

from __future__ import annotations

import dataclasses

import torch

from devbench import Batch

SILENT_POWER = 1e-12
"""Below -120 dB re full scale a clip is silent: no ratio to it means anything."""


def waveform_of(batch: Batch) -> torch.Tensor:
    """Return the waveforms of a batch, which methods that act on waveforms are given."""
    assert batch.waveform is not None
    return batch.waveform


def with_waveform(batch: Batch, waveform: torch.Tensor) -> Batch:
    """Return the batch with other waveforms: [batch, sample]."""
    return dataclasses.replace(batch, waveform=waveform)


def power_of(x: torch.Tensor) -> torch.Tensor:
    """Return the mean power of each clip: [batch, 1]; x: [batch, sample]."""
    return x.square().mean(dim=1, keepdim=True)


def convolved(x: torch.Tensor, impulse_responses: torch.Tensor) -> torch.Tensor:
    """Return every clip through its own impulse response, cut to its length: [batch, sample].

    impulse_responses: [batch, tap].
    """
    n_samples = x.shape[1]
    n_fft = 1 << (n_samples + impulse_responses.shape[1] - 2).bit_length()
    spectrum = torch.fft.rfft(x, n_fft) * torch.fft.rfft(impulse_responses, n_fft)
    y: torch.Tensor = torch.fft.irfft(spectrum, n_fft)[:, :n_samples]
    return y


def at_level_of(y: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Return y scaled to the power of x, clip by clip; what is silent stays as it is."""
    ratio = power_of(x) / power_of(y).clamp(min=SILENT_POWER)
    return y * torch.where(power_of(y) < SILENT_POWER, 1.0, ratio.sqrt())
