"""ast-mae: the transformer, pretrained to rebuild masked patches of spectrograms."""

from __future__ import annotations

from functools import partial

from devbench import BackboneSpec, hookimpl

from ..pretraining.backbone import build, pretrain


@hookimpl
def devbench_backbone() -> BackboneSpec:
    """Offer the backbone."""
    return BackboneSpec(
        name="ast-mae",
        build=build,
        pretrain=partial(pretrain, "mae"),
        reference="after Huang et al., Masked Autoencoders that Listen, NeurIPS 2022 "
        "(arXiv 2207.06405), sections 3 and 4.2",
    )
