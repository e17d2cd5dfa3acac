"""Gradient x input, and where in frequency and time it lies, for spectrograms and waveforms."""

from __future__ import annotations

import torch
from torch import nn

from devbench.explaining.bands import Bands


def gradient_times_input(model: nn.Module, x: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """Return x times the gradient of one logit per clip, shaped like x: [batch, ...].

    chosen: [batch] class whose logit is explained. Its sum is the logit where the model is linear
    in x; elsewhere it is the first-order effect of taking x to 0. Source: Shrikumar et al. 2016
    (arXiv 1605.01713).
    """
    x = x.detach().clone().requires_grad_()
    with torch.enable_grad():
        logits = model(x)
        picked = logits.gather(1, chosen[:, None]).sum()
        (gradient,) = torch.autograd.grad(picked, x)
    return (x * gradient).detach()


def over_bins(
    relevance: torch.Tensor, group: torch.Tensor, n_bands: int, n_parts: int
) -> torch.Tensor:
    """Return relevance [batch, 1, bin, frame] summed within bands and parts: [batch, band, part].

    group: [bin] band of each bin. Parts are equal shares of the frames, the last ones one shorter.
    """
    n_clips, _, _, n_frames = relevance.shape
    place = torch.arange(n_frames, device=relevance.device) * n_parts // n_frames
    found = torch.zeros(n_clips, n_bands, n_frames, dtype=torch.float64, device=relevance.device)
    found.index_add_(1, group, relevance[:, 0].double())
    parts = torch.zeros(n_clips, n_bands, n_parts, dtype=torch.float64, device=relevance.device)
    return parts.index_add_(2, place, found)


def over_spectrum(
    x: torch.Tensor, relevance: torch.Tensor, bands: Bands, *, rate_hz: int, n_parts: int
) -> torch.Tensor:
    """Return relevance of samples [batch, sample] by band and part: [batch, band, part].

    A Fourier transform is put before the first layer: what a sample is worth per unit, relevance /
    x, is paired with x in the frequency domain, and by Parseval's theorem nothing is lost: the sum
    over bands and parts is the sum over samples. Source: Vielhaben et al., Virtual Inspection
    Layers, Pattern Recognition 2024 (arXiv 2303.06365), section 3.
    """
    x, relevance = x.double(), relevance.double()
    worth = torch.where(x == 0, 0.0, relevance / torch.where(x == 0, 1.0, x))
    n_clips, n_samples = x.shape
    length = -(-n_samples // n_parts)
    gap = length * n_parts - n_samples
    x, worth = (
        nn.functional.pad(values, (0, gap)).reshape(n_clips, n_parts, length)
        for values in (x, worth)
    )
    pairs = (torch.fft.rfft(worth).conj() * torch.fft.rfft(x)).real / length  # [batch, part, freq]
    pairs[..., 1 : (length + 1) // 2] *= 2  # the negative frequencies
    freq_hz = torch.fft.rfftfreq(length, 1 / rate_hz, dtype=torch.float64)
    weights = torch.from_numpy(bands.weights(freq_hz.numpy())).to(x.device)  # [band, freq]
    found: torch.Tensor = (pairs @ weights.T).transpose(1, 2)
    return found
