"""RFN: relaxed instance frequency-wise normalisation after every stage of the backbone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from devbench import Method, MethodSpec, hookimpl

from ..checks import require_range

if TYPE_CHECKING:
    from torch import nn


class RFN(Method):
    """Normalise each clip per frequency inside the network, relaxed by a share of layer norm.

    "Five bottleneck blocks" (Microphone Conversion) is read as the five sites of a ResNet: behind
    the stem and behind each of its four stages; on another backbone, behind each of its stages.

    Args:
        layer_norm_share: 0 (only per-frequency) to 1 (only layer norm).
    """

    def __init__(self, *, layer_norm_share: float = 0.5) -> None:
        self.layer_norm_share = require_range("layer_norm_share", layer_norm_share, 0, 1)

    def layers(self, stages: Mapping[str, tuple[int, int, int]]) -> Mapping[str, nn.Module]:
        """Return one normalisation per stage; it has no parameters."""
        from ..networks.frequency_norm import RelaxedFrequencyNorm

        return {stage: RelaxedFrequencyNorm(self.layer_norm_share) for stage in stages}


@hookimpl
def devbench_method() -> MethodSpec:
    """Offer the method."""
    return MethodSpec(
        name="rfn",
        build=RFN,
        reference="Kim et al., Domain Generalization with Relaxed Instance Frequency-wise "
        "Normalization, Interspeech 2022 (arXiv 2206.12513), section 3",
    )
