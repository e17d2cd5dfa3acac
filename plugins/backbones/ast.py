"""ast: a small audio spectrogram transformer, trained from nothing."""

from __future__ import annotations

import torch

from devbench import BackboneSpec, ContractError, hookimpl

from ..checks import require_range


def build(
    n_classes: int,
    n_bins: int,
    *,
    width: int = 192,
    depth: int = 6,
    n_heads: int = 3,
    dropout: float = 0.1,
) -> torch.nn.Module:
    """Return the network, about 2.7 million parameters.

    Args:
        n_classes: outputs.
        n_bins: bins of the spectrogram; any number will do.
        width: 32 to 1024, numbers per patch; a multiple of 4 and of n_heads.
        depth: 1 to 24, blocks.
        n_heads: 1 to 16, heads of attention.
        dropout: 0 to 0.9, share zeroed in training.
    """
    return transformer(n_classes, width=width, depth=depth, n_heads=n_heads, dropout=dropout)


def transformer(
    n_classes: int, *, width: int, depth: int, n_heads: int, dropout: float, step: int = 10
) -> torch.nn.Module:
    """Return the network with patches every `step` bins and frames, its options checked."""
    require_range("width", width, 32, 1024)
    require_range("depth", depth, 1, 24)
    require_range("n_heads", n_heads, 1, 16)
    require_range("dropout", dropout, 0, 0.9)
    if width % 4 or width % n_heads:
        raise ContractError(
            f"option 'width' is {width}, no multiple of 4 and of n_heads, {n_heads}",
            fix="choose width=192 with n_heads=3, or 64 for each head",
        )
    from ..networks.spectrogram_transformer import SpectrogramTransformer

    return SpectrogramTransformer(
        n_classes, width=width, depth=depth, n_heads=n_heads, dropout=dropout, step=step
    )


@hookimpl
def devbench_backbone() -> BackboneSpec:
    """Offer the backbone."""
    return BackboneSpec(
        name="ast",
        build=build,
        reference="after Gong et al., AST: Audio Spectrogram Transformer, Interspeech 2021 "
        "(arXiv 2104.01778), section 2.1",
    )
