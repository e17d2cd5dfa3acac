"""The transformer that is pretrained: its options, its network, and what it starts from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from devbench import SideInformation

from ..backbones.ast import transformer
from ..checks import require_range
from .recipes import PATCH, BudgetName, Objective, masked_recipe


def build(
    n_classes: int,
    n_bins: int,
    *,
    width: int = 192,
    depth: int = 6,
    n_heads: int = 3,
    dropout: float = 0.1,
    pretraining: BudgetName = "auto",
    pretraining_seed: int = 0,
) -> torch.nn.Module:
    """Return the network, about 2.7 million parameters; its patches do not overlap.

    Before training it learns from masked spectrograms of the source's unlabelled clips.

    Args:
        n_classes: outputs.
        n_bins: bins of the spectrogram; any number from 16.
        width: 32 to 1024, numbers per patch; a multiple of 4 and of n_heads.
        depth: 1 to 24, blocks.
        n_heads: 1 to 16, heads of attention.
        dropout: 0 to 0.9, share zeroed in training; none in pretraining.
        pretraining: budget of the pretraining; auto is the run's own.
        pretraining_seed: 0 or more; the run's seed is that of the classifier.
    """
    require_range("pretraining_seed", pretraining_seed, 0, 2**31)
    require_range("n_bins", n_bins, PATCH, 2**20)
    return transformer(
        n_classes, width=width, depth=depth, n_heads=n_heads, dropout=dropout, step=PATCH
    )


def pretrain(
    objective: Objective,
    side: SideInformation,
    *,
    width: int,
    depth: int,
    n_heads: int,
    pretraining: BudgetName,
    pretraining_seed: int,
    **_: Any,
) -> Mapping[str, torch.Tensor]:
    """Return the encoder that masked pretraining left, shared by all runs from that source."""
    from .masked import build as learn  # networks, which need torch

    recipe = masked_recipe(
        objective, pretraining, side.budget, width=width, depth=depth, n_heads=n_heads
    )
    artifact = side.artifact(
        f"ast-{objective}", recipe.config(), learn, devices=(side.source,), seed=pretraining_seed
    )
    return artifact.tensors
