"""m5: five layers on samples, no spectrogram."""

from __future__ import annotations

import torch

from devbench import BackboneSpec, hookimpl

from ..checks import require_range


def build(n_classes: int, n_bins: int, *, width: float = 1.0) -> torch.nn.Module:
    """Return the network, about 560,000 parameters at the default width.

    Args:
        n_classes: outputs.
        n_bins: 1, of a waveform.
        width: 0.1 to 4, factor on the channels of the paper, which are 128 to 512. There, the first
            filters of 80 taps last 10 ms, at 8 kHz.
    """
    from ..networks.m5 import M5

    return M5(n_classes, width=require_range("width", width, 0.1, 4))


@hookimpl
def devbench_backbone() -> BackboneSpec:
    """Offer the backbone."""
    return BackboneSpec(
        name="m5",
        build=build,
        takes="waveform",
        stages=("layer1", "layer2", "layer3", "layer4"),
        reference="Dai et al., Very deep convolutional neural networks for raw waveforms, ICASSP "
        "2017 (arXiv 1610.00087), table 1",
    )
