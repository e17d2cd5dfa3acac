"""How masked pretraining is done: one frozen value per budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

BudgetName = Literal["auto", "quick", "standard", "paper"]
Objective = Literal["mae", "jepa"]
PATCH = 16
"""Bins and frames of a patch. None overlap: a hidden one would be seen in its neighbours."""


@dataclass(frozen=True, slots=True)
class MaskedRecipe:
    """What is learned and for how long.

    objective: "mae" rebuilds masked patches, "jepa" predicts what a slow copy of the encoder makes
    of them. masked: share of patches that the encoder does not see. width, depth, n_heads: of the
    encoder; predictor_depth: blocks behind it. momentum: of the slow copy, at the start; it rises
    to 1. An epoch is as many steps as there are batches of clips.
    """

    objective: Objective
    width: int
    depth: int
    n_heads: int
    masked: float = 0.8
    predictor_depth: int = 2
    momentum: float = 0.996
    epochs: int = 100
    batch: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 0.05

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> MaskedRecipe:
        """Return the recipe in an artifact's configuration."""
        return cls(**config)

    def config(self) -> dict[str, Any]:
        """Return the recipe as JSON values."""
        return asdict(self)


BUDGETS: Mapping[str, Mapping[str, Any]] = {
    # Audio-MAE, section 4.2: 80 % masked; A-JEPA, section 4: momentum from 0.996 to 1. Epochs and
    # batches are ours: their 2 million clips are thousands of times what a device has here.
    "paper": {"epochs": 400, "batch": 64, "learning_rate": 5e-4},
    "standard": {"epochs": 200, "batch": 64, "learning_rate": 5e-4},
    "quick": {"epochs": 60},
}


def masked_recipe(
    objective: Objective, wanted: BudgetName, budget: str, *, width: int, depth: int, n_heads: int
) -> MaskedRecipe:
    """Return the recipe of a budget; auto is the run's own."""
    name = budget if wanted == "auto" else wanted
    recipe = MaskedRecipe(objective, width, depth, n_heads)
    return replace(recipe, **BUDGETS.get(name, BUDGETS["quick"]))
