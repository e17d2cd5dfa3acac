"""Random draws for methods: always from the generator, made on its device, moved to the batch's."""

from __future__ import annotations

import torch


def uniform(
    shape: tuple[int, ...], low: float, high: float, like: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """Return float32 draws between low and high on the device of like: shape."""
    draw = torch.rand(shape, generator=generator, device=generator.device)
    return (low + (high - low) * draw).to(like.device)


def normal(shape: tuple[int, ...], like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return float32 draws of mean 0 and standard deviation 1 on the device of like: shape."""
    return torch.randn(shape, generator=generator, device=generator.device).to(like.device)


def coins(
    n_clips: int, probability: float, like: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """Return one coin per clip, True with that probability, on the device of like: [batch] bool."""
    return uniform((n_clips,), 0.0, 1.0, like, generator) < probability


def choices(
    n_clips: int, n_choices: int, like: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """Return one of 0 .. n_choices - 1 per clip, all equally likely: [batch] int64."""
    draw = torch.randint(n_choices, (n_clips,), generator=generator, device=generator.device)
    return draw.to(like.device)


def permutation(n_clips: int, like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return the indices 0 .. n_clips - 1 in random order: [batch] int64."""
    return torch.randperm(n_clips, generator=generator, device=generator.device).to(like.device)


def beta(
    n_clips: int, alpha: float, like: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """Return draws of the symmetric Beta(alpha, alpha) distribution, one per clip: [batch].

    A beta draw is the share of one of two gamma draws. torch.distributions takes no generator, and
    float64 keeps the gamma draws of small alpha above zero.
    """
    concentration = torch.full((2, n_clips), alpha, dtype=torch.float64, device=generator.device)
    gamma = torch._standard_gamma(concentration, generator=generator)
    return (gamma[0] / gamma.sum(dim=0)).float().to(like.device)
