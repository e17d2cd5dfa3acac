"""What all UMC methods share: which converter they ask for, and how they use it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch

from devbench import Access, Batch, DataError, LabelledView, Method, SideInformation

from ..checks import require_range
from ..draws import choices, coins, uniform
from ..spectra import spectrogram_of, with_spectrogram
from .conditions import LEVEL_REACH_DB, band_curves, levelled, synthetic_differences
from .recipes import BudgetName, Recipe, unified_recipe
from .scale import Scale

NEEDS = frozenset({Access.DEVICE_FR, Access.UNPAIRED_TARGET})


class UnifiedConversion(Method):
    """Convert training clips to random targets by their measured response differences.

    All targets and "leave it" are equally likely (UMC, section 5.2), or, where keeps_half is set,
    a clip is left with probability 1/2.

    Args:
        converter: budget of the converter's training; auto is the run's own.
        converter_seed: seed of the converter; the run's seed is that of the classifier.
        retrain: train the converter here even where one is shipped.
    """

    changes: ClassVar[Mapping[str, Any]] = {}
    """What differs from the published recipe."""
    keeps_half: ClassVar[bool] = False
    knows_level: ClassVar[bool] = True
    """False: how loud a target records is drawn, where the converter asks for it."""

    def __init__(
        self,
        *,
        converter: BudgetName = "auto",
        converter_seed: int = 0,
        retrain: bool = False,
    ) -> None:
        self.converter = converter
        self.converter_seed = int(require_range("converter_seed", converter_seed, 0, 2**31))
        self.retrain = retrain

    def fit(self, train: LabelledView, side: SideInformation, generator: torch.Generator) -> None:
        """Get the converter, which serves every source, and the differences from this one."""
        from .unified import build, generator_of  # networks, which need torch

        batch = next(iter(train))
        names = (side.source, *side.targets)
        recipe = unified_recipe(self.converter, side.budget, **self.changes)
        curves_db = band_curves(side.frequency_responses, names, batch.bin_hz)
        self.draws_level = recipe.skip and not self.knows_level
        if recipe.skip and self.knows_level:
            curves_db = levelled(curves_db, [side.unpaired[name] for name in names])
        artifact = side.artifact(
            "umc",
            recipe.config(),
            build,
            devices=self.devices(side),
            seed=self.converter_seed,
            use_shipped=not self.retrain,
        )
        self.scale = Scale.of(artifact.tensors)
        self.network = generator_of(artifact.tensors, Recipe.of(artifact.facts["recipe"]))
        self.network.to(batch.clips.device)
        self.precision = side.precision
        self.targets = side.targets
        self.differences = (curves_db[1:] - curves_db[:1]) / self.scale.sd_db  # [target, 128]

    def devices(self, side: SideInformation) -> Sequence[str]:
        """Return whose clips and responses the converter is trained on."""
        return side.devices

    def augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return the batch with each clip converted to one target, or left."""
        x_db = spectrogram_of(batch)
        changed = self._changed(len(batch), x_db, generator)
        differences = self.conditions(len(batch), x_db, generator)
        if not bool(changed.any()):
            return batch
        converted_db = self.converted(x_db[changed], differences[changed])
        y_db = x_db.clone()
        y_db[changed] = converted_db
        return with_spectrogram(batch, y_db)

    def conditions(self, n: int, like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return what the converter is told of each clip, on its scale: [n, 128]."""
        differences = self.drawn(n, like, generator)
        if not self.draws_level:
            return differences
        reach = LEVEL_REACH_DB / self.scale.sd_db
        return differences + uniform((n, 1), -reach, reach, like, generator)

    def drawn(self, n: int, like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return one difference per clip on the converter's scale: [n, 128]."""
        chosen = choices(n, len(self.differences), like, generator)
        return self.differences.to(like)[chosen]

    def convert(self, batch: Batch, target: str, generator: torch.Generator) -> Batch:
        """Return the batch converted to one target by the measured difference."""
        if target not in self.targets:
            raise DataError(f"{target!r} is no target of this run", fix="choose another --to")
        x_db = spectrogram_of(batch)
        difference = self.differences[self.targets.index(target)].to(x_db)
        return with_spectrogram(batch, self.converted(x_db, difference.expand(len(batch), -1)))

    def converted(self, x_db: torch.Tensor, differences: torch.Tensor) -> torch.Tensor:
        """Return x_db [batch, 1, bin, frame] converted by differences [batch, 128]."""
        is_bf16 = self.precision == "bf16"
        with (
            torch.no_grad(),
            torch.autocast(x_db.device.type, torch.bfloat16, enabled=is_bf16),
        ):
            y = self.network(self.scale.standard(x_db), differences)
        return self.scale.decibels(y.float()).clamp(min=self.scale.least_db)

    def _changed(self, n: int, like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return which clips are converted: [n] bool."""
        if self.keeps_half:
            return coins(n, 0.5, like, generator)
        return choices(n, 1 + len(self.differences), like, generator) > 0


class SyntheticConversion(UnifiedConversion):
    """Convert training clips by random response differences, as UMC, section 4.3, does at use.

    Where the converter asks for the difference of level too, that is random as well.

    Args:
        strength: 0 to 5, factor on the seven draws.
        end_strength: 0 to 2, factor on the first and last; 1 suits studio microphones, 0.5 phones.
        ripple_db: 0 to 10 dB, standard deviation of the Gaussian noise on the curve.
        converter: budget of the converter's training; auto is the run's own.
        converter_seed: seed of the converter; the run's seed is that of the classifier.
        retrain: train the converter here even where one is shipped.
    """

    knows_level = False

    def __init__(
        self,
        *,
        strength: float = 1.0,
        end_strength: float = 0.5,
        ripple_db: float = 2.0,
        converter: BudgetName = "auto",
        converter_seed: int = 0,
        retrain: bool = False,
    ) -> None:
        super().__init__(converter=converter, converter_seed=converter_seed, retrain=retrain)
        self.strength = require_range("strength", strength, 0, 5)
        self.end_strength = require_range("end_strength", end_strength, 0, 2)
        self.ripple_db = require_range("ripple_db", ripple_db, 0, 10)

    def drawn(self, n: int, like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return one synthetic difference per clip on the converter's scale: [n, 128]."""
        drawn_db = synthetic_differences(
            n,
            like,
            generator,
            strength=self.strength,
            end_strength=self.end_strength,
            ripple_db=self.ripple_db,
        )
        return drawn_db / self.scale.sd_db
