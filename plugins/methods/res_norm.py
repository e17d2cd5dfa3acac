"""ResNorm: frequency-wise normalisation with a bypass, after every stage of the backbone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from devbench import Method, MethodSpec, hookimpl

from ..checks import require_range

if TYPE_CHECKING:
    from torch import nn


class ResNorm(Method):
    """Normalise every frequency bin of a clip inside the network and add a share of the input.

    Args:
        share: 0 to 1, of the input that is added; 0.1 in the paper.
    """

    def __init__(self, *, share: float = 0.1) -> None:
        self.share = require_range("share", share, 0, 1)

    def layers(self, stages: Mapping[str, tuple[int, int, int]]) -> Mapping[str, nn.Module]:
        """Return one normalisation per stage; it has no parameters."""
        from ..networks.residual_norm import ResidualNorm

        return {stage: ResidualNorm(self.share) for stage in stages}


@hookimpl
def devbench_method() -> MethodSpec:
    """Offer the method."""
    return MethodSpec(
        name="res-norm",
        build=ResNorm,
        reference="Kim et al., Domain Generalization on Efficient Acoustic Scene Classification "
        "using Residual Normalization, DCASE 2021 (arXiv 2111.06531), section 2.2",
    )
