"""Band-wise alignment: at test time every band gets the mean and deviation it has on the source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from devbench import (
    Access,
    ContractError,
    LabelledView,
    Method,
    MethodSpec,
    SideInformation,
    UnlabelledView,
    hookimpl,
)

if TYPE_CHECKING:
    import torch
    from torch import nn


class BandAlignment(Method):
    """Match mean and deviation of every band, over a device's test clips and time, to training's.

    Protocol: one device at a time, all its test clips at once; the classifier stays as trained.
    The statistics of training travel with its weights.
    """

    def __init__(self) -> None:
        self.bands: tuple[torch.Tensor, torch.Tensor] | None = None

    def fit(self, train: LabelledView, side: SideInformation, generator: torch.Generator) -> None:
        """Measure the bands of the source's training clips."""
        from ..spectra import band_mean_and_sd

        mean_db, sd_db = band_mean_and_sd(train)
        self.bands = (mean_db.float(), sd_db.float())

    def layers(self, stages: Mapping[str, tuple[int, int, int]]) -> Mapping[str, nn.Module]:
        """Return the carrier of the statistics, behind the first stage."""
        import torch

        from ..networks.band_alignment import SourceBands

        if not stages:
            raise ContractError(
                "this backbone has no stage that could carry the statistics of training",
                fix="choose a backbone with stages, such as small-cnn",
            )
        mean_db, sd_db = self.bands or (torch.zeros(1), torch.ones(1))
        return {next(iter(stages)): SourceBands(mean_db, sd_db)}

    def adapt(
        self, model: nn.Module, clips: UnlabelledView, generator: torch.Generator
    ) -> nn.Module:
        """Return the model behind the alignment of these clips."""
        from ..networks.band_alignment import Aligned, SourceBands
        from ..spectra import band_mean_and_sd

        source = next(m for m in model.modules() if isinstance(m, SourceBands))
        mean_db, sd_db = (bands.to(source.mean_db) for bands in band_mean_and_sd(clips))
        return Aligned(model, (mean_db, sd_db), (source.mean_db, source.sd_db))


@hookimpl
def devbench_method() -> MethodSpec:
    """Offer the method."""
    return MethodSpec(
        name="band-align",
        build=BandAlignment,
        needs=frozenset({Access.TEST_TIME}),
        reference="Mezza et al., Unsupervised domain adaptation for acoustic scene classification "
        "using band-wise statistics matching, EUSIPCO 2020 (arXiv 2005.00145), section 3",
    )
