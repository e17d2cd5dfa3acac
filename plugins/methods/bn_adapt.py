"""BN adaptation: batch normalisation uses the statistics of the device that is tested."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devbench import Access, Method, MethodSpec, UnlabelledView, hookimpl

from ..checks import require_range

if TYPE_CHECKING:
    import torch
    from torch import nn


class BNAdaptation(Method):
    """Replace the running statistics by those of all test clips of one device, without labels.

    Protocol: one device at a time, all its test clips at once, the weights as trained.

    Args:
        source_share: 0 (only the test clips count) to 1 (no adaptation), share of the statistics of
            training that is kept.
    """

    def __init__(self, *, source_share: float = 0.0) -> None:
        self.source_share = require_range("source_share", source_share, 0, 1)

    def adapt(
        self, model: nn.Module, clips: UnlabelledView, generator: torch.Generator
    ) -> nn.Module:
        """Return the model with the statistics of these clips."""
        from ..networks.batch_norms import batch_norms, measure_anew

        measure_anew(model, batch_norms(model), clips, self.source_share)
        return model


@hookimpl
def devbench_method() -> MethodSpec:
    """Offer the method."""
    return MethodSpec(
        name="bn-adapt",
        build=BNAdaptation,
        needs=frozenset({Access.TEST_TIME}),
        reference="Schneider et al., Improving robustness against common corruptions by covariate "
        "shift adaptation, NeurIPS 2020 (arXiv 2006.16971), section 3",
    )
