"""cp-resnet: a residual network with a small receptive field, which suits sounds."""

from __future__ import annotations

import torch

from devbench import BackboneSpec, hookimpl

from ..checks import require_range


def build(n_classes: int, n_bins: int, *, rho: int = 7, width: int = 128) -> torch.nn.Module:
    """Return the network, about 4 million parameters at the default width.

    Args:
        n_classes: outputs.
        n_bins: bins of the spectrogram; any number will do.
        rho: 0 to 22, convolutions of size 3x3 behind the first block; each one widens the receptive
            field. 7 gives 135 bins and frames.
        width: 4 to 512, channels of the first four blocks.
    """
    require_range("rho", rho, 0, 22)
    require_range("width", width, 4, 512)
    from ..networks.cp_resnet import CPResNet

    return CPResNet(n_classes, rho=rho, width=width)


@hookimpl
def devbench_backbone() -> BackboneSpec:
    """Offer the backbone."""
    return BackboneSpec(
        name="cp-resnet",
        build=build,
        stages=("stem", "layer1", "layer2", "layer3"),
        reference="Koutini et al., The Receptive Field as a Regularizer in Deep Convolutional "
        "Neural Networks for Acoustic Scene Classification, EUSIPCO 2019, table 1",
    )
