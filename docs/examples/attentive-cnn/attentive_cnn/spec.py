"""attentive-cnn: three convolution blocks, then a weighted mean over frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devbench import BackboneSpec, ContractError, hookimpl

if TYPE_CHECKING:
    from torch import nn


def build(n_classes: int, n_bins: int, *, width: int = 24, n_heads: int = 2) -> nn.Module:
    """Return the network: [batch, 1, bin, frame] to logits [batch, class].

    Args:
        n_classes: outputs.
        n_bins: bins of the spectrogram; the network takes any number.
        width: 4 to 256, channels of the first block; each further block has twice as many.
        n_heads: 1 to 8, weighted means that are put side by side.
    """
    from .network import AttentiveCNN  # torch: not for `devbench ls` and `devbench show`

    for name, value, low, high in (("width", width, 4, 256), ("n_heads", n_heads, 1, 8)):
        if not low <= value <= high:
            raise ContractError(f"option {name!r} is {value}", fix=f"choose {low} to {high}")
    return AttentiveCNN(n_classes, width=width, n_heads=n_heads)


@hookimpl
def devbench_backbone() -> BackboneSpec:
    """Offer the backbone; methods may put layers behind its stages."""
    return BackboneSpec(
        name="attentive-cnn",
        build=build,
        stages=("block1", "block2", "block3"),
        reference="an example of the plugin contract",
        licence="MIT",
    )
