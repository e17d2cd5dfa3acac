"""How sure a mean macro F1 is: over other events and over other trainings.

Two things could have come out otherwise: which events were tested, and what training made of a
seed. All clips of an event (every device, source and seed) are resampled together, within their
class; seeds enter by the variance of their means. Both variances add up, and the interval is
Student's t with the degrees of freedom of Welch and Satterthwaite. Sources, devices and folds are
what the benchmark fixes: they are not resampled.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, TypeAlias

from devbench.errors import DataError
from devbench.files import canonical_json, sha256_bytes
from devbench.results.metrics import mean

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from devbench.results.answers import Answers

N_DRAWS = 2000
CONFIDENCE = 0.95

Score: TypeAlias = "Callable[[Answers, NDArray[np.float64]], NDArray[np.float64]]"
"""A score for every weighting of the events, [draw, event] to [draw]: a method of Answers."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95 % interval. n_seeds: 1 leaves the variance of training out."""

    estimate: float
    low: float
    high: float
    event_sd: float
    seed_sd: float
    freedom: float
    n_seeds: int
    n_events: int

    @property
    def p_zero(self) -> float:
        """Return the two-sided p value of 'this is zero', for differences."""
        sd = math.hypot(self.event_sd, self.seed_sd)
        if sd == 0:
            return 1.0 if self.estimate == 0 else 0.0
        from scipy.special import stdtr  # scipy.stats gives the same and takes a second to import

        return float(2 * stdtr(self.freedom, -abs(self.estimate) / sd))


@dataclass(frozen=True, slots=True, eq=False)
class Resampled:
    """One run: its score, such as the mean over targets, and that of every draw of events: [draw].

    events: names, sorted; runs that were tested on the same events have the same draws of them.
    """

    value: float
    draws: NDArray[np.float64]
    events: tuple[str, ...]
    n_classes: int
    least_of_a_class: int


def resample(answers: Answers, *, n_draws: int = N_DRAWS, of: Score | None = None) -> Resampled:
    """Return a run's score for as many draws of its events; of: None for its mean over targets.

    The draws follow from the events' names alone, so that equal records give equal digits.
    """
    import numpy as np

    present, counts = np.unique(answers.label, return_counts=True)
    if counts.min() < 2:
        raise DataError(
            "a class has a single test event, which cannot be resampled",
            fix="give every class at least two test events",
        )
    once = np.ones((1, len(answers.events)))
    weights = _weights(answers.events, tuple(answers.label.tolist()), n_draws)
    score = answers.mean_targets if of is None else partial(of, answers)
    return Resampled(
        value=float(score(once)[0]),
        draws=score(weights),
        events=answers.events,
        n_classes=len(present),
        least_of_a_class=int(counts.min()),
    )


Terms = Sequence[tuple[float, Resampled]]
"""A weighted sum of runs: weights of one method add up to 1, those of a difference to 0."""


def interval(by_seed: Mapping[int, Terms]) -> Interval:
    """Return the mean over seeds of a weighted sum of runs, with its interval."""
    import numpy as np

    runs = [run for terms in by_seed.values() for _, run in terms]
    if not runs:
        raise DataError("there are no runs to average", fix="run the methods first: devbench sweep")
    n_seeds = len(by_seed)
    of_seed = [math.fsum(weight * run.value for weight, run in by_seed[s]) for s in sorted(by_seed)]
    draws = np.zeros_like(runs[0].draws)
    for terms in by_seed.values():
        for weight, run in terms:
            draws += weight / n_seeds * run.draws
    estimate = mean(of_seed)
    # resampling n of n shrinks the variance by (n - 1) / n
    least = min(run.least_of_a_class for run in runs)
    event_variance = float(draws.var()) * least / (least - 1)
    tested = {run.events: run.n_classes for run in runs}
    n_events = sum(map(len, tested))
    event_freedom = n_events - sum(tested.values())
    squares = math.fsum((value - estimate) ** 2 for value in of_seed)
    seed_variance = squares / (n_seeds - 1) / n_seeds if n_seeds > 1 else 0.0
    total = event_variance + seed_variance
    below = event_variance**2 / event_freedom
    below += seed_variance**2 / (n_seeds - 1) if n_seeds > 1 else 0.0
    freedom = total**2 / below if below else float(event_freedom)
    half = _t_quantile(freedom) * math.sqrt(total)
    return Interval(
        estimate=estimate,
        low=estimate - half,
        high=estimate + half,
        event_sd=math.sqrt(event_variance),
        seed_sd=math.sqrt(seed_variance),
        freedom=freedom,
        n_seeds=n_seeds,
        n_events=n_events,
    )


def _t_quantile(freedom: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.5 + CONFIDENCE / 2))


@lru_cache(maxsize=16)
def _weights(events: tuple[str, ...], labels: tuple[int, ...], n_draws: int) -> NDArray[np.float64]:
    """Return how often each event is drawn, as many per class as there are: [draw, event]."""
    import numpy as np

    label = np.array(labels)
    key = int(sha256_bytes(canonical_json([events, labels]))[:16], 16)
    generator = np.random.default_rng(key)
    weights = np.zeros((n_draws, len(label)))
    for index in np.unique(label):
        own = np.flatnonzero(label == index)
        weights[:, own] = generator.multinomial(len(own), np.full(len(own), 1 / len(own)), n_draws)
    return weights
