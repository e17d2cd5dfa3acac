"""What a backbone costs: parameters, and multiply-accumulates per second of audio."""

from __future__ import annotations

from typing import Literal, TypedDict

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from devbench.contract.values import FeatureSpec

MEASURED_S = 10.0
"""Long enough that what happens at the ends of a clip does not count."""


class Cost(TypedDict):
    """n_parameters; macs_per_s: of one second of audio; n_classes, n_bins: of the network asked."""

    n_parameters: int
    macs_per_s: int
    n_classes: int
    n_bins: int


def cost_of(
    model: nn.Module,
    *,
    n_classes: int,
    features: FeatureSpec,
    takes: Literal["spectrogram", "waveform"] = "spectrogram",
) -> Cost:
    """Return what a network costs on spectrograms, or waveforms, of these features.

    Convolutions, matrix products and attention count, as torch counts them: two operations make one
    multiply-accumulate; norms, activations and poolings do not count.
    """
    is_waveform = takes == "waveform"
    hop_samples, n_bins = (1, 1) if is_waveform else (features.hop_samples, features.n_mels)
    n_frames = round(MEASURED_S * features.sample_rate_hz / hop_samples)
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:  # fused kernels of attention are not counted; its plain products are
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as seen:
            model.eval()(torch.zeros(1, 1, n_bins, n_frames))
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    return Cost(
        n_parameters=sum(parameter.numel() for parameter in model.parameters()),
        macs_per_s=round(seen.get_total_flops() / 2 / MEASURED_S),
        n_classes=n_classes,
        n_bins=n_bins,
    )
