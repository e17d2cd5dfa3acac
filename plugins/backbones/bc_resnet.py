"""bc-resnet: a keyword-spotting network of a few thousand parameters for small devices."""

from __future__ import annotations

import torch

from devbench import BackboneSpec, hookimpl

from ..checks import require_range


def build(
    n_classes: int, n_bins: int, *, width: float = 2.0, dropout: float = 0.1
) -> torch.nn.Module:
    """Return the network, about 27,000 parameters at the default width.

    Args:
        n_classes: outputs.
        n_bins: bins of the spectrogram; any number will do.
        width: 0.5 to 16, factor on all channels; 1 to 8 in the paper.
        dropout: 0 to 0.9, share of channels of the paths over frames zeroed in training.
    """
    require_range("width", width, 0.5, 16)
    require_range("dropout", dropout, 0, 0.9)
    from ..networks.bc_resnet import BCResNet

    return BCResNet(n_classes, n_bins, width=width, dropout=dropout)


@hookimpl
def devbench_backbone() -> BackboneSpec:
    """Offer the backbone."""
    return BackboneSpec(
        name="bc-resnet",
        build=build,
        stages=("stem", "stage1", "stage2", "stage3", "stage4"),
        reference="Kim et al., Broadcasted Residual Learning for Efficient Keyword Spotting, "
        "Interspeech 2021 (arXiv 2106.04140), section 2",
    )
