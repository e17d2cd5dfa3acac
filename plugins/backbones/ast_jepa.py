"""ast-jepa: the transformer, pretrained to predict what it makes of masked patches itself."""

from __future__ import annotations

from functools import partial

from devbench import BackboneSpec, hookimpl

from ..pretraining.backbone import build, pretrain


@hookimpl
def devbench_backbone() -> BackboneSpec:
    """Offer the backbone."""
    return BackboneSpec(
        name="ast-jepa",
        build=build,
        pretrain=partial(pretrain, "jepa"),
        reference="after Fei et al., A-JEPA: Joint-Embedding Predictive Architecture Can Listen "
        "(arXiv 2311.15830), section 3",
    )
