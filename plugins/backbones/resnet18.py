"""resnet18: a residual network between small-cnn and the papers' resnet50."""

from __future__ import annotations

import torch

from devbench import BackboneSpec, hookimpl


def build(n_classes: int, n_bins: int) -> torch.nn.Module:
    """Return the network, about 11.2 million parameters, initialised at random.

    Args:
        n_classes: outputs.
        n_bins: bins of the spectrogram; any number will do.
    """
    from ..networks.resnet import BasicBlock, ResNet

    return ResNet(BasicBlock, (2, 2, 2, 2), n_classes)


@hookimpl
def devbench_backbone() -> BackboneSpec:
    """Offer the backbone."""
    return BackboneSpec(
        name="resnet18",
        build=build,
        stages=("stem", "layer1", "layer2", "layer3", "layer4"),
        reference="He et al., Deep Residual Learning, CVPR 2016 (arXiv 1512.03385), table 1",
    )
