"""AdaResNorm: ResNorm whose share of the input is learned, channel by channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from devbench import Method, MethodSpec, hookimpl

if TYPE_CHECKING:
    from torch import nn


class AdaResNorm(Method):
    """Normalise every frequency bin of a clip inside the network as far as training asks for it."""

    def layers(self, stages: Mapping[str, tuple[int, int, int]]) -> Mapping[str, nn.Module]:
        """Return one normalisation per stage, with three parameters a channel."""
        from ..networks.residual_norm import AdaptiveResidualNorm

        return {
            stage: AdaptiveResidualNorm(n_channels) for stage, (n_channels, _, _) in stages.items()
        }


@hookimpl
def devbench_method() -> MethodSpec:
    """Offer the method."""
    return MethodSpec(
        name="ada-res-norm",
        build=AdaResNorm,
        reference="Cai et al., TF-SepNet (arXiv 2309.08200), section 2",
    )
