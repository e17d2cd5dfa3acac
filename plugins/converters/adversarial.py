"""What real and generated cost: minimax as one-to-one MC has it, least squares as UMC has it."""

from __future__ import annotations

from typing import Literal

import torch
from torch.nn import functional

Adversarial = Literal["nll", "least-squares"]


def judged_as(scores: torch.Tensor, *, real: bool, loss: Adversarial) -> torch.Tensor:
    """Return the mean cost of patch scores that should say real (or generated).

    "nll": -log sigmoid(score), or -log(1 - sigmoid(score)); the generator minimises the first on
    its fakes, which has the fixed point of the minimax game and gradients from the start
    (Goodfellow et al., 2014, section 3). "least-squares": distance to 1 or 0, squared (Mao et al.).
    """
    goal = torch.full_like(scores, float(real), dtype=torch.float32)
    if loss == "nll":
        return functional.binary_cross_entropy_with_logits(scores.float(), goal)
    return functional.mse_loss(scores.float(), goal)
