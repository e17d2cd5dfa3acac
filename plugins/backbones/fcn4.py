"""fcn4: the four-layer fully convolutional tagger."""

from __future__ import annotations

import torch

from devbench import BackboneSpec, hookimpl

from ..checks import require_range


def build(n_classes: int, n_bins: int, *, width: float = 0.25) -> torch.nn.Module:
    """Return the network, about 1.1 million parameters at the default width.

    Args:
        n_classes: outputs.
        n_bins: bins of the spectrogram; any number will do.
        width: 0.05 to 2, factor on the channels; 1 in the paper (17 million parameters).
    """
    require_range("width", width, 0.05, 2)
    from ..networks.fcn4 import FCN4

    return FCN4(n_classes, width=width)


@hookimpl
def devbench_backbone() -> BackboneSpec:
    """Offer the backbone."""
    return BackboneSpec(
        name="fcn4",
        build=build,
        stages=("layer1", "layer2", "layer3"),
        reference="Choi, Fazekas, Sandler, Automatic Tagging Using Deep Convolutional Neural "
        "Networks, ISMIR 2016 (arXiv 1606.00298), table 1",
    )
