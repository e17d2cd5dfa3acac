"""Microphone Conversion: a CycleGAN per pair of devices makes training clips of each target."""

from __future__ import annotations

import torch

from devbench import (
    Access,
    Batch,
    DataError,
    LabelledView,
    Method,
    MethodSpec,
    SideInformation,
)

from ..checks import require_range
from ..converters.offering import offered
from ..converters.recipes import BudgetName, PairRecipe, pair_recipe
from ..converters.scale import Scale
from ..draws import choices, coins
from ..spectra import spectrogram_of, with_spectrogram

REFERENCE = "Microphone Conversion, ICASSP 2024 (arXiv 2401.06913)"
NEEDS = frozenset({Access.UNPAIRED_TARGET})


class MicrophoneConversion(Method):
    """Convert each clip to one random target, or leave it.

    With probability 0, all targets and "leave it" are equally likely (the papers' Gen); above, a
    clip is converted with that probability (Adapt, where the only target is the device in use).

    Args:
        converter: budget of the converters' training; auto is the run's own.
        converter_seed: seed of the converters; the run's seed is that of the classifier.
        retrain: train the converters here even where they are shipped.
    """

    epoch = 100
    probability = 0.0

    def __init__(
        self, *, converter: BudgetName = "auto", converter_seed: int = 0, retrain: bool = False
    ) -> None:
        self.converter = converter
        self.converter_seed = int(require_range("converter_seed", converter_seed, 0, 2**31))
        self.retrain = retrain

    def fit(self, train: LabelledView, side: SideInformation, generator: torch.Generator) -> None:
        """Get the converter of every pair; one training serves both ways and both lengths."""
        from ..converters.one_to_one import build, generator_of  # networks, which need torch

        device = next(iter(train)).clips.device
        self.targets, self.precision = side.targets, side.precision
        self.networks, self.scales = [], []
        for target in side.targets:
            pair = sorted((side.source, target))
            artifact = side.artifact(
                "mc",
                pair_recipe(self.converter, side.budget).config(),
                build,
                devices=pair,
                seed=self.converter_seed,
                use_shipped=not self.retrain,
            )
            recipe = PairRecipe.of(artifact.facts["recipe"])
            way = "there" if pair[0] == side.source else "back"
            network = generator_of(artifact.tensors, recipe, way=way, epoch=self.epoch)
            self.networks.append(network.to(device))
            self.scales.append(Scale.of(artifact.tensors))

    def augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return the batch with each clip converted to one target, or left."""
        x_db = spectrogram_of(batch)
        if self.probability > 0:
            chosen = choices(len(batch), len(self.targets), x_db, generator)
            kept = ~coins(len(batch), self.probability, x_db, generator)
            chosen = torch.where(kept, -1, chosen)
        else:
            chosen = choices(len(batch), 1 + len(self.targets), x_db, generator) - 1
        y_db = x_db.clone()
        for number in range(len(self.targets)):
            rows = chosen == number
            if bool(rows.any()):
                y_db[rows] = self._converted(x_db[rows], number)
        return with_spectrogram(batch, y_db)

    def convert(self, batch: Batch, target: str, generator: torch.Generator) -> Batch:
        """Return the batch converted to one target."""
        if target not in self.targets:
            raise DataError(f"{target!r} is no target of this run", fix="choose another --to")
        number = self.targets.index(target)
        return with_spectrogram(batch, self._converted(spectrogram_of(batch), number))

    def _converted(self, x_db: torch.Tensor, number: int) -> torch.Tensor:
        scale, is_bf16 = self.scales[number], self.precision == "bf16"
        with (
            torch.no_grad(),
            torch.autocast(x_db.device.type, torch.bfloat16, enabled=is_bf16),
        ):
            y = self.networks[number](scale.standard(x_db))
        return scale.decibels(y.float()).clamp(min=scale.least_db)


class MC100(MicrophoneConversion):
    """Converters after 100 epochs; all targets in play."""


class MC200(MicrophoneConversion):
    """Converters after 200 epochs; all targets in play."""

    epoch = 200


class MC100AdaptP50(MicrophoneConversion):
    """A classifier per target, half of its clips converted to it; converters after 100 epochs."""

    probability = 0.5


class MC100AdaptP100(MicrophoneConversion):
    """A classifier per target, all of its clips converted to it; converters after 100 epochs."""

    probability = 1.0


class MC200AdaptP50(MC200):
    """A classifier per target, half of its clips converted to it; converters after 200 epochs."""

    probability = 0.5


class MC200AdaptP100(MC200):
    """A classifier per target, all of its clips converted to it; converters after 200 epochs."""

    probability = 1.0


def _spec(name: str, build: type[MicrophoneConversion]) -> MethodSpec:
    return MethodSpec(
        name=name, build=build, needs=NEEDS, per_target="adapt" in name, reference=REFERENCE
    )


mc_100 = offered(_spec("mc-100", MC100))
mc_200 = offered(_spec("mc-200", MC200))
mc_100_adapt_p50 = offered(_spec("mc-100-adapt-p50", MC100AdaptP50))
mc_100_adapt_p100 = offered(_spec("mc-100-adapt-p100", MC100AdaptP100))
mc_200_adapt_p50 = offered(_spec("mc-200-adapt-p50", MC200AdaptP50))
mc_200_adapt_p100 = offered(_spec("mc-200-adapt-p100", MC200AdaptP100))
