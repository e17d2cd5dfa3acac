"""Masks over a grid of patches: which ones the encoder sees, and which it is asked for."""

from __future__ import annotations

import torch

from ..draws import uniform


def random_masks(
    n_clips: int, n_patches: int, masked: float, like: torch.Tensor, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the patches that are seen and those that are hidden, drawn per clip.

    Two tensors of patch numbers: [batch, seen] and [batch, hidden]. At least one patch is on either
    side. Unstructured masks: Audio-MAE, section 4.5, found them best for pretraining.
    """
    n_hidden = min(n_patches - 1, max(1, round(masked * n_patches)))
    order = uniform((n_clips, n_patches), 0.0, 1.0, like, generator).argsort(dim=1)
    return order[:, n_hidden:].sort(dim=1).values, order[:, :n_hidden].sort(dim=1).values


def chosen(tokens: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
    """Return the tokens of those numbers: [batch, number, width]."""
    return tokens.gather(1, numbers[:, :, None].expand(-1, -1, tokens.shape[2]))
