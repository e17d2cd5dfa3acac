"""How the estimator of one-shot EQ is trained: one frozen value, and its settings per budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from devbench import ContractError

BudgetName = Literal["auto", "quick", "standard", "paper"]
Comparison = Literal["learned", "linear", "log", "spectrum"]
REVISION = 1
"""Counted up when the same recipe no longer gives the same estimator: old ones are not used."""


@dataclass(frozen=True, slots=True)
class EstimatorRecipe:
    """Training of an estimator.

    comparison: of the two embeddings. hop_ms: of the spectrogram. input_s: length of a recording;
    shorter clips are put end to end. steps: at most. validate_steps: between two validations;
    patience: validations without a better one before the end. n_validation: pairs in each.
    gate_lufs: what is quieter is not used. sample_rate_hz: of the clips.
    """

    sample_rate_hz: int
    comparison: Comparison = "learned"
    hop_ms: float = 3.0
    input_s: float = 3.0
    batch: int = 8
    learning_rate: float = 5e-4
    steps: int = 200_000
    validate_steps: int = 2000
    patience: int = 20
    n_validation: int = 256
    gate_lufs: float = -55.0
    revision: int = REVISION

    def __post_init__(self) -> None:
        if self.comparison not in get_args(Comparison):
            raise ContractError(
                f"comparison of the estimator's recipe is {self.comparison!r}",
                fix=f"choose one of {', '.join(get_args(Comparison))}",
            )
        for name in ("hop_ms", "input_s", "batch", "steps", "validate_steps", "n_validation"):
            if getattr(self, name) <= 0:
                raise ContractError(
                    f"{name} of the estimator's recipe is {getattr(self, name)}",
                    fix="choose a number above 0",
                )

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> EstimatorRecipe:
        """Return the recipe in an artifact's configuration."""
        try:
            return cls(**config)
        except TypeError as error:
            raise ContractError(
                f"the estimator was made by another version: {error}",
                fix="train it again: --retrain",
            ) from error

    def config(self) -> dict[str, Any]:
        """Return the recipe as JSON values."""
        return asdict(self)


BUDGETS: dict[str, Mapping[str, Any]] = {
    # The paper's numbers (section 4); how many pairs validate is not in it.
    "paper": {},
    # One GPU, minutes.
    "standard": {"steps": 20_000, "validate_steps": 500},
    # Two cores, about five minutes: far fewer steps, and windows that do not overlap.
    "quick": {"hop_ms": 20.0, "steps": 1000, "validate_steps": 100, "n_validation": 64},
}


def estimator_recipe(
    budget: BudgetName, run_budget: str, *, sample_rate_hz: int, comparison: Comparison
) -> EstimatorRecipe:
    """Return the recipe for a budget; "auto" means that of the run, else "standard"."""
    name = run_budget if budget == "auto" else budget
    changes = BUDGETS.get(name, BUDGETS["standard"])
    return EstimatorRecipe(sample_rate_hz=sample_rate_hz, comparison=comparison, **changes)
