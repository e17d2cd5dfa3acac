"""mobilenet: MobileNetV3, an efficient network of depthwise convolutions."""

from __future__ import annotations

from typing import Literal

import torch

from devbench import BackboneSpec, hookimpl

from ..checks import require_range


def build(
    n_classes: int, n_bins: int, *, size: Literal["small", "large"] = "small", width: float = 1.0
) -> torch.nn.Module:
    """Return torchvision's network for one input channel, about 1.5 million parameters.

    Args:
        n_classes: outputs.
        n_bins: bins of the spectrogram; any number will do.
        size: "small" or "large" (4.2 million parameters), of the paper.
        width: 0.1 to 4, factor on the channels; EfficientAT's mn10 is large at 1.
    """
    require_range("width", width, 0.1, 4)
    from torch import nn
    from torchvision.models import mobilenet_v3_large, mobilenet_v3_small

    make = mobilenet_v3_large if size == "large" else mobilenet_v3_small
    model: nn.Module = make(weights=None, num_classes=n_classes, width_mult=width)
    first = model.get_submodule("features.0.0")
    assert isinstance(first, nn.Conv2d)
    one_channel = nn.Conv2d(1, first.out_channels, 3, stride=2, padding=1, bias=False)
    nn.init.kaiming_normal_(one_channel.weight, mode="fan_out")  # as torchvision's own
    model.get_submodule("features.0").register_module("0", one_channel)
    return model


@hookimpl
def devbench_backbone() -> BackboneSpec:
    """Offer the backbone."""
    return BackboneSpec(
        name="mobilenet",
        build=build,
        # the stem, and in both sizes a block at each resolution
        stages=("features.0", "features.1", "features.3", "features.6", "features.12"),
        reference="Howard et al., Searching for MobileNetV3, ICCV 2019 (arXiv 1905.02244); for "
        "sounds Schmid et al., EfficientAT (arXiv 2211.04772)",
        licence="BSD-3-Clause (torchvision)",
    )
