"""Batch normalisation at test time: find the layers, and measure their statistics anew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from devbench import Batch, ContractError


def batch_norms(model: nn.Module) -> list[_BatchNorm]:
    """Return the batch normalisations of a model; one without any cannot be adapted by them."""
    found = [
        module
        for module in model.modules()
        if isinstance(module, _BatchNorm) and module.track_running_stats
    ]
    if not found:
        raise ContractError(
            "this backbone has no batch normalisation to adapt",
            fix="choose a backbone that has, such as small-cnn or resnet18",
        )
    return found


def measure_anew(
    model: nn.Module, norms: Sequence[_BatchNorm], clips: Iterable[Batch], source_share: float
) -> None:
    """Set the statistics of norms to those of clips, mixed with a share of what was there.

    A mean over batches of the batch's mean and variance, batches as the clips come.
    """
    before = [[values.clone() for values in _statistics(norm)] for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over batches
        norm.train()
    with torch.no_grad():
        for batch in clips:
            model(batch.clips)
    for norm, old in zip(norms, before, strict=True):
        norm.eval()
        for values, old_values in zip(_statistics(norm), old, strict=True):
            values.lerp_(old_values, source_share)


def _statistics(norm: _BatchNorm) -> tuple[torch.Tensor, torch.Tensor]:
    assert norm.running_mean is not None and norm.running_var is not None
    return norm.running_mean, norm.running_var
