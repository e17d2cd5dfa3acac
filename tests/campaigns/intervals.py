"""How often intervals hold the truth, and how often equal methods are told apart.

python tests/campaigns/intervals.py --sets 1000
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from devbench.results.comparison import compare, mean_with_interval
from devbench.results.resampling import resample
from devbench.results.tables import Cell
from helpers.simulated import events_of, simulated

DEVICES = np.linspace(-0.7, 0.7, 6)
SETTINGS = (
    # classes, events per class, seeds, sources, skill (log odds), SD of a training
    (10, 16, 5, 1, 1.0, 0.15),
    (10, 16, 5, 3, 2.5, 0.15),
    (10, 8, 5, 1, 1.0, 0.4),
    (10, 8, 3, 3, 1.0, 0.15),
    (10, 16, 1, 1, 1.0, 0.0),
)
N_DRAWS = 500


def runs(rng, setting, ease):
    """Return the runs of one method, by cell."""
    n_classes, _, n_seeds, n_sources, skill, seed_sd = setting
    return {
        Cell(str(source), seed, 0): resample(
            simulated(rng, ease, n_classes=n_classes, skill=skill, device_ease=DEVICES,
                      seed_sd=seed_sd),
            n_draws=N_DRAWS,
        )
        for source in range(n_sources)
        for seed in range(n_seeds)
    }  # fmt: skip


def truth(setting) -> float:
    """Return the mean macro F1 over many events and trainings."""
    n_classes, _, _, _, skill, seed_sd = setting
    values = []
    for key in range(400):
        rng = np.random.default_rng([7, key])
        ease = events_of(rng, n_classes, 400)
        answers = simulated(rng, ease, n_classes=n_classes, skill=skill, device_ease=DEVICES,
                            seed_sd=seed_sd)  # fmt: skip
        values.append(answers.mean_targets(np.ones((1, len(ease))))[0])
    return float(np.mean(values))


def main() -> None:
    """Print a row per setting."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=1000)
    n_sets = parser.parse_args().sets
    print("classes  events  seeds  sources  skill  training SD  truth  held  told apart")
    for setting in SETTINGS:
        expected, held, wrong = truth(setting), 0, 0
        for key in range(n_sets):
            rng = np.random.default_rng(key)
            ease = events_of(rng, *setting[:2])
            methods = {name: runs(rng, setting, ease) for name in "ab"}
            found = mean_with_interval(methods["a"])
            held += found.low <= expected <= found.high
            wrong += compare(methods)[0].better is not None
        row = (*setting, expected, held / n_sets, wrong / n_sets)
        print("  ".join(f"{value:g}" for value in row), flush=True)


if __name__ == "__main__":
    main()
