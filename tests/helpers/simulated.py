"""Simulated answers of methods whose true mean macro F1 is known: events and trainings vary."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from devbench.results.answers import Answers


def simulated(
    rng: np.random.Generator,
    event_ease: NDArray[np.float64],
    *,
    n_classes: int,
    skill: float,
    device_ease: NDArray[np.float64],
    seed_sd: float,
) -> Answers:
    """Return one run. event_ease: [event], the same for all runs; events lie class by class.

    A clip is answered rightly by a coin whose log odds are the sum of skill, the ease of event and
    device, and what this training drew; a wrong answer is any other class.
    """
    n_events = len(event_ease)
    label = np.repeat(np.arange(n_classes), n_events // n_classes)
    odds = skill + event_ease[None] + device_ease[:, None] + rng.normal(0, seed_sd)
    right = rng.random(odds.shape) < 1 / (1 + np.exp(-odds))
    other = (label + rng.integers(1, n_classes, odds.shape)) % n_classes
    events = tuple(f"{number:05d}" for number in range(n_events))
    return Answers(events, label, np.where(right, label, other), n_classes)


def events_of(rng: np.random.Generator, n_classes: int, per_class: int) -> NDArray[np.float64]:
    """Return how easy each event is: [event], log odds."""
    return rng.normal(0, 1, n_classes * per_class)
