"""EQ match: a learned estimator sets an equaliser that makes clips sound like another device."""

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
    hookimpl,
)

from ..checks import require_range
from ..draws import choices
from ..equalisation.recipes import BudgetName, Comparison, estimator_recipe
from ..waveforms import convolved, waveform_of, with_waveform


class EqualiserMatch(Method):
    """Give each clip the response that one-shot EQ finds for a random target, or leave it.

    The estimator is trained on the source's unlabelled clips alone, without labels. It then
    compares random pairs of a source and a target clip; the median of the responses is the
    target's. All targets and "leave it" are equally likely.

    Args:
        n_pairs: 1 to 2000 pairs of clips per target.
        jitter_db: 0 to 10 dB, greatest random change of a response, drawn per clip and octave.
        stretch: 0 to 0.5, greatest random change of its frequencies, as a share.
        comparison: of the two recordings; learned is the published one.
        estimator: budget of the estimator's training; auto is the run's own.
        estimator_seed: seed of the estimator; the run's seed is that of the classifier.
        retrain: train the estimator here even where one is shipped.
    """

    def __init__(
        self,
        *,
        n_pairs: int = 200,
        jitter_db: float = 2.0,
        stretch: float = 0.1,
        comparison: Comparison = "learned",
        estimator: BudgetName = "auto",
        estimator_seed: int = 0,
        retrain: bool = False,
    ) -> None:
        self.n_pairs = int(require_range("n_pairs", n_pairs, 1, 2000))
        self.jitter_db = require_range("jitter_db", jitter_db, 0, 10)
        self.stretch = require_range("stretch", stretch, 0, 0.5)
        self.comparison = comparison
        self.estimator = estimator
        self.estimator_seed = int(require_range("estimator_seed", estimator_seed, 0, 2**31))
        self.retrain = retrain

    def fit(self, train: LabelledView, side: SideInformation, generator: torch.Generator) -> None:
        """Get the estimator of this source and compare it with every target."""
        from ..equalisation.excerpts import Excerpts
        from ..equalisation.filters import curve_hz
        from ..equalisation.matching import Matcher
        from ..equalisation.settings import Grids
        from ..equalisation.training import build  # networks, which need torch

        rate_hz = side.features.sample_rate_hz
        Grids.at(rate_hz)  # a rate too low is told before anything is trained
        recipe = estimator_recipe(
            self.estimator, side.budget, sample_rate_hz=rate_hz, comparison=self.comparison
        )
        names = (side.source, *side.targets)
        excerpts = [Excerpts.of(side.unpaired[name], rate_hz, recipe.gate_lufs) for name in names]
        artifact = side.artifact(
            "one-shot-eq",
            recipe.config(),
            build,
            devices=(side.source,),
            seed=self.estimator_seed,
            use_shipped=not self.retrain,
        )
        matcher = Matcher(artifact, next(iter(train)).clips.device)
        self.targets, at_hz = side.targets, curve_hz(rate_hz)
        own, *others = (matcher.drawn(found, self.n_pairs, generator) for found in excerpts)
        curves_db = [matcher.response_db(own, other, at_hz) for other in others]
        self.at_hz = at_hz.to(matcher.device)
        self.curves_db = torch.stack(
            [torch.zeros_like(self.at_hz), *curves_db]
        )  # [1 + target, bin]

    def augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return the batch with each clip equalised for one target, or left."""
        from ..equalisation.filters import ripples, stretched

        x = waveform_of(batch)
        chosen = choices(len(batch), len(self.curves_db), x, generator)
        curves_db = stretched(self.curves_db.to(x)[chosen], self.stretch, generator)
        curves_db = curves_db + ripples(len(x), self.jitter_db, self.at_hz.to(x), generator)
        return with_waveform(batch, torch.where(chosen[:, None] > 0, _through(x, curves_db), x))

    def convert(self, batch: Batch, target: str, generator: torch.Generator) -> Batch:
        """Return the batch equalised for one target, without jitter."""
        if target not in self.targets:
            raise DataError(f"{target!r} is no target of this run", fix="choose another --to")
        x = waveform_of(batch)
        curve_db = self.curves_db[1 + self.targets.index(target)].to(x)
        return with_waveform(batch, _through(x, curve_db.expand(len(x), -1)))


def _through(x: torch.Tensor, curves_db: torch.Tensor) -> torch.Tensor:
    from ..equalisation.filters import minimum_phase

    return convolved(x, minimum_phase(curves_db))


@hookimpl
def devbench_method() -> MethodSpec:
    """Offer the method."""
    return MethodSpec(
        name="eq-match",
        build=EqualiserMatch,
        needs=frozenset({Access.UNPAIRED_TARGET}),
        acts_on="waveform",
        reference="Mimilakis et al., One-Shot Parametric Audio Production Style Transfer, ICASSP "
        "2020, sections 3 and 4, turned into augmentation",
    )
