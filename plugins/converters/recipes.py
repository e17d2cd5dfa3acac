"""How converters are trained: one frozen value per recipe, and its settings per budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, TypeVar

from devbench import ContractError

from ..networks.norms import Norm

R = TypeVar("R")
BudgetName = Literal["auto", "quick", "standard", "paper"]
REVISION = 1
"""Counted up when the same recipe no longer gives the same converter: old ones are not used."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Size and training of a generator and its discriminators.

    An epoch is as many samples as there are unlabelled clips of the devices in play.

    width, n_blocks: of the generator; critic_width: of the discriminators. norm, critic_norm,
    film_norm: "instance" as published, or "none". skip: the generator adds to its input and the
    difference, which then holds the difference of level too; informed: it is shown the difference
    on the bins. decay_epochs: the learning rate is divided by 10 every so many epochs. buffer:
    spectrograms in the image buffer of each discriminator. synthetic: share of samples with a
    synthetic difference. transport_weight: of the distance between fakes and what the band-wise
    transport gives.
    """

    width: int = 64
    n_blocks: int = 9
    critic_width: int = 64
    norm: Norm = "instance"
    critic_norm: Norm = "instance"
    film_norm: Norm = "instance"
    skip: bool = False
    informed: bool = False
    epochs: int = 100
    batch: int = 400
    learning_rate: float = 5e-4
    decay_epochs: int = 30
    cycle_weight: float = 10.0
    buffer: int = 512
    synthetic: float = 0.0
    transport_weight: float = 0.0
    revision: int = REVISION

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Recipe:
        """Return the recipe in an artifact's configuration."""
        return _made(cls, config)

    def generator(self) -> dict[str, Any]:
        """Return what a UnifiedGenerator is made with."""
        names = ("width", "n_blocks", "skip", "informed", "norm", "film_norm")
        return {name: getattr(self, name) for name in names}

    def config(self) -> dict[str, Any]:
        """Return the recipe as JSON values."""
        return asdict(self)


UNIFIED = {
    # The paper's numbers (section 5.2); buffer and momenta are not in it.
    "paper": Recipe(),
    "standard": Recipe(width=32, n_blocks=6, critic_width=32, batch=64, learning_rate=4e-4),
    # Two cores, a quarter of an hour: 1,800 steps on sim7.
    "quick": Recipe(
        width=16,
        n_blocks=3,
        critic_width=16,
        epochs=30,
        batch=28,
        learning_rate=4e-4,
        decay_epochs=10,
        buffer=64,
    ),
}  # fmt: skip


def unified_recipe(budget: BudgetName, run_budget: str, **changes: Any) -> Recipe:
    """Return UMC's recipe for a budget; "auto" means that of the run, else "standard"."""
    name = run_budget if budget == "auto" else budget
    found = UNIFIED.get(name, UNIFIED["standard"])
    return replace(found, **changes)


@dataclass(frozen=True, slots=True)
class PairRecipe:
    """Size and training of a CycleGAN between two devices (MC, arXiv 2401.06913).

    The generators are kept at each of kept_epochs, so that one training serves MC-100 and MC-200.
    epoch_steps: steps of an epoch; 0 = as many as it takes to see as many clips as a device has.
    """

    width: int = 64
    n_blocks: int = 9
    critic_width: int = 64
    kept_epochs: tuple[int, ...] = (100, 200)
    epoch_steps: int = 0
    batch: int = 16
    learning_rate: float = 2e-4
    cycle_weight: float = 10.0
    buffer: int = 50
    revision: int = REVISION

    def config(self) -> dict[str, Any]:
        """Return the recipe as JSON values."""
        return {**asdict(self), "kept_epochs": list(self.kept_epochs)}

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> PairRecipe:
        """Return the recipe in an artifact's configuration."""
        return _made(cls, {**config, "kept_epochs": tuple(config.get("kept_epochs", ()))})


ONE_TO_ONE = {
    # What the paper leaves open is upstream CycleGAN's: rate, momenta, buffer, cycle weight.
    "paper": PairRecipe(),
    "standard": PairRecipe(width=32, n_blocks=6, critic_width=32),
    # Two cores: 800 steps a pair.
    "quick": PairRecipe(
        width=16, n_blocks=3, critic_width=16, epoch_steps=4, batch=8, learning_rate=4e-4
    ),
}


def pair_recipe(budget: BudgetName, run_budget: str) -> PairRecipe:
    """Return one-to-one MC's recipe for a budget; "auto" means that of the run, else "standard"."""
    return ONE_TO_ONE.get(run_budget if budget == "auto" else budget, ONE_TO_ONE["standard"])


def _made(recipe: type[R], config: Mapping[str, Any]) -> R:
    try:
        return recipe(**config)
    except TypeError as error:
        raise ContractError(
            f"the converter was made by another version: {error}", fix="train it again: --retrain"
        ) from error
