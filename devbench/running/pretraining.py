"""Pretraining: what a backbone learned from unlabelled clips of the source, to start from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch

from devbench.contract.access import Access
from devbench.contract.side import SideInformation
from devbench.registry import load_spec
from devbench.running.finder import Finder
from devbench.running.guard import Allow
from devbench.running.jobs import FitJob

if TYPE_CHECKING:
    from devbench.contract.parts import BackboneSpec
    from devbench.results.record import ArtifactUse

Tensors = Mapping[str, torch.Tensor]


def pretrained(job: FitJob, allow: Allow) -> tuple[Tensors, list[ArtifactUse]]:
    """Return the tensors to start from, none for most backbones, and the artifacts behind them.

    Raises ArtifactMissing where one must be made first.
    """
    if job.pretraining is None:
        return {}, []
    part = job.model.backbone
    spec: BackboneSpec = load_spec(part.reference())
    assert spec.pretrain is not None  # the plan has asked
    finder = Finder(job.pretraining, "", allow, asker="backbone")
    side = SideInformation(
        method=spec.name,
        needs=frozenset({Access.UNPAIRED_TARGET}),
        source=job.source,
        targets=(),
        devices=(job.source,),
        budget=job.budget_name,
        precision=job.precision,
        features=job.model.features.spec(),
        _artifact=finder,
    )
    try:
        tensors = spec.pretrain(side, **part.options)
    finally:
        if finder.missing is not None:
            raise finder.missing
    return tensors, finder.uses
