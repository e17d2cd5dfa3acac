"""A small audio spectrogram transformer: overlapping patches, self-attention, a mean."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import nn

PATCH, STEP = 16, 10
"""Bins and frames of a patch, and from one to the next (AST, section 2.1)."""
Kept = Callable[[torch.Tensor], torch.Tensor]
"""Takes patches [batch, patch, width] and returns those that the blocks are to see."""


class SpectrogramTransformer(nn.Module):
    """Patches of 16x16 every 10, fixed sinusoidal positions, pre-norm blocks, a linear classifier.

    After Gong et al., AST: Audio Spectrogram Transformer, Interspeech 2021 (arXiv 2104.01778),
    section 2.1. Differences: positions are fixed, so that any number of frames will do, and the
    classifier sees the mean over patches, not a class token.
    """

    def __init__(
        self, n_classes: int, *, width: int = 192, depth: int = 6, n_heads: int = 3,
        dropout: float = 0.1, step: int = STEP,
    ) -> None:  # fmt: skip
        super().__init__()
        self.width = width
        self.patches = nn.Conv2d(1, width, PATCH, stride=step)
        self.dropout = nn.Dropout(dropout)
        layer = nn.TransformerEncoderLayer(
            width,
            n_heads,
            dim_feedforward=4 * width,
            dropout=dropout,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.blocks = nn.TransformerEncoder(
            layer, depth, norm=nn.LayerNorm(width), enable_nested_tensor=False
        )
        for block in self.blocks.layers:  # the encoder copies one layer, weights and all
            for parameter in block.parameters():
                if parameter.ndim == 2:
                    nn.init.xavier_uniform_(parameter)
        self.classifier = nn.Linear(width, n_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [batch, 1, bin, frame] to logits [batch, class]."""
        logits: torch.Tensor = self.classifier(self.encoded(x).mean(dim=1))
        return logits

    def encoded(self, x: torch.Tensor, keep: Kept | None = None) -> torch.Tensor:
        """Return what the blocks make of the patches that are kept: [batch, patch, width]."""
        tokens = self.tokens(x)
        encoded: torch.Tensor = self.blocks(tokens if keep is None else keep(tokens))
        return encoded

    def tokens(self, x: torch.Tensor) -> torch.Tensor:
        """Return patches with their positions: [batch, patch, width]."""
        n_bins, n_frames = x.shape[2:]
        fill = (0, max(0, PATCH - n_frames), 0, max(0, PATCH - n_bins))
        grid = self.patches(nn.functional.pad(x, fill))  # [batch, width, row, column]
        rows, columns = grid.shape[2:]
        codes = places(rows, columns, self.width, x.device).to(grid.dtype)
        tokens: torch.Tensor = self.dropout(grid.flatten(2).mT + codes)
        return tokens


def places(rows: int, columns: int, width: int, device: torch.device) -> torch.Tensor:
    """Return position codes of a grid of patches, half for the row: [row * column, width]."""
    halves = [
        sinusoids(rows, width // 2, device)[:, None].expand(-1, columns, -1),
        sinusoids(columns, width // 2, device)[None].expand(rows, -1, -1),
    ]
    return torch.cat(halves, dim=2).flatten(0, 1)


def sinusoids(n_places: int, width: int, device: torch.device) -> torch.Tensor:
    """Return position codes (Vaswani et al., arXiv 1706.03762, section 3.5): [place, width]."""
    place = torch.arange(n_places, device=device, dtype=torch.float32)[:, None]
    rate = torch.exp(-math.log(10_000) * torch.arange(0, width, 2, device=device) / width)
    return torch.stack([(place * rate).sin(), (place * rate).cos()], dim=2).flatten(1)
