"""small-cnn: four convolution blocks, the quick default."""

from __future__ import annotations

import torch

from devbench import BackboneSpec, hookimpl

from ..checks import require_range


def build(n_classes: int, n_bins: int, *, width: int = 32, dropout: float = 0.0) -> torch.nn.Module:
    """Return the network, about 390,000 parameters at the default width.

    Args:
        n_classes: outputs.
        n_bins: bins of the spectrogram; any number will do.
        width: 4 to 256, channels of the first block; the last has eight times as many.
        dropout: 0 to 0.9, share of pooled features that is zeroed in training.
    """
    from ..networks.small_cnn import SmallCNN

    require_range("width", width, 4, 256)
    require_range("dropout", dropout, 0, 0.9)
    return SmallCNN(n_classes, width=width, dropout=dropout)


@hookimpl
def devbench_backbone() -> BackboneSpec:
    """Offer the backbone."""
    return BackboneSpec(
        name="small-cnn", build=build, stages=("block1", "block2", "block3", "block4")
    )
