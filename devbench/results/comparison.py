"""Is one method better than another? Paired by source, seed, fold and event.

Two tests, and the larger p counts. (a) Student's t on the difference, with the variance of events
and of seeds (resampling.py): would it hold for other events? (b) Signs of the differences of single
runs, one per source, seed and fold, turned at random: would it hold for other trainings? Where (b)
cannot reach 0.05 because there are too few runs, nothing is called better.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from devbench.errors import DataError
from devbench.results.record import Record
from devbench.results.resampling import Interval, Resampled, Terms, interval
from devbench.results.tables import BlockKey, Cell, block_key, cell_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

T = TypeVar("T")
LEVEL = 0.05
EXACT_PAIRS = 12
N_SIGNS = 20_000

Runs = Mapping[Cell, Resampled]
"""The runs of one method by source, seed and fold."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """first minus second. p: the larger of both tests; p_least: what the signs could reach."""

    first: str
    second: str
    difference: Interval
    n_pairs: int
    p_events: float
    p_signs: float
    p_least: float
    p_holm: float

    @property
    def p(self) -> float:
        """Return the p value before Holm's correction."""
        return max(self.p_events, self.p_signs)

    @property
    def better(self) -> str | None:
        """Return the method that is better, None where they cannot be told apart."""
        if self.p_holm >= LEVEL:
            return None
        return self.first if self.difference.estimate > 0 else self.second


def terms_of(runs: Runs, cells: Sequence[Cell], sign: float = 1.0) -> dict[int, Terms]:
    """Return by seed the mean over sources of the mean over folds, as weighted runs."""
    found: dict[int, Terms] = {}
    for seed in sorted({cell.seed for cell in cells}):
        own = [cell for cell in cells if cell.seed == seed]
        sources = sorted({cell.source for cell in own})
        found[seed] = [
            (sign / len(sources) / sum(other.source == cell.source for other in own), runs[cell])
            for cell in own
        ]
    return found


def mean_with_interval(runs: Runs) -> Interval:
    """Return the mean over targets, folds and sources of one method with its interval."""
    return interval(terms_of(runs, sorted(runs)))


def whole_seeds(cells: Sequence[Cell]) -> list[Cell]:
    """Return the cells of seeds that have every source and fold of any seed."""
    grid = {(cell.source, cell.fold) for cell in cells}
    seeds = sorted({cell.seed for cell in cells})
    whole = {
        seed
        for seed in seeds
        if {(cell.source, cell.fold) for cell in cells if cell.seed == seed} == grid
    }
    return [cell for cell in cells if cell.seed in whole] or list(cells)


def comparable(
    records: Iterable[Record],
    methods: Sequence[str],
    *,
    benchmark_sha256: str,
    budget: str,
    backbone: str,
) -> tuple[dict[str, dict[Cell, Record]], list[str]]:
    """Return the runs of each method that may be held against each other, and what was left out.

    Runs with default options, of one block of the leaderboard (block_key): that of the newest run.
    backbone: as the block names it, opened options included. Of each method the newest version of
    its code counts, and of equal cells (other threads, another machine) the newest run.
    """
    blocks: dict[BlockKey, dict[str, list[Record]]] = {}
    for record in sorted(records, key=_started):
        plan, key = record.plan, block_key(record.plan)
        is_default = not (plan.method.opened or plan.frontend.opened or plan.method.is_file)
        of = (key.benchmark_sha256, key.budget, key.backbone)
        if (
            is_default
            and plan.method.name in methods
            and of == (benchmark_sha256, budget, backbone)
        ):
            known = blocks.pop(key, {})  # put back at the end: the newest block is the last
            known.setdefault(plan.method.name, []).append(record)
            blocks[key] = known
    chosen = blocks[next(reversed(blocks))] if blocks else {}
    left_out = [
        f"runs on corpus {key.corpus} {key.fingerprint[:12]}, another than the newest, are left out"
        for key in list(blocks)[:-1]
    ]
    found: dict[str, dict[Cell, Record]] = {}
    for name in methods:
        runs = chosen.get(name, [])
        if not runs:
            raise DataError(
                f"the store has no run of {name!r} with that benchmark, budget and backbone",
                fix=f"devbench sweep --methods {name}",
            )
        own = [record for record in runs if _code(record) == _code(runs[-1])]
        if len(own) < len(runs):
            left_out.append(f"{name}: {len(runs) - len(own)} runs of other code are left out")
        found[name] = {cell_of(record): record for record in own}
    return found, left_out


def _started(record: Record) -> tuple[str, str]:
    return str(record.measured.get("started_at", "")), record.run_id


def _code(record: Record) -> tuple[str, str]:
    return record.plan.method.distribution, record.plan.method.code_sha256


def shared(methods: Mapping[str, Mapping[Cell, T]]) -> dict[str, dict[Cell, T]]:
    """Return what all methods have: their runs on the same sources, whole seeds and folds."""
    cells = whole_seeds(sorted(set.intersection(*(set(runs) for runs in methods.values()))))
    if not cells:
        raise DataError(
            f"{', '.join(methods)} have no source, seed and fold in common",
            fix="run them on the same grid: devbench sweep --methods A,B",
        )
    return {name: {cell: runs[cell] for cell in cells} for name, runs in methods.items()}


def compare(methods: Mapping[str, Runs]) -> list[Comparison]:
    """Return every pair of methods, over the cells that all have, corrected after Holm (1979)."""
    methods = shared(methods)
    cells = list(next(iter(methods.values())))
    found = []
    for first, second in itertools.combinations(methods, 2):
        a, b = terms_of(methods[first], cells), terms_of(methods[second], cells, -1.0)
        difference = interval({seed: [*a[seed], *b[seed]] for seed in a})
        pairs = [methods[first][cell].value - methods[second][cell].value for cell in cells]
        p_signs, p_least = sign_test(pairs)
        found.append(
            Comparison(first, second, difference, len(pairs), difference.p_zero, p_signs, p_least,
                       p_holm=1.0)
        )  # fmt: skip
    corrected = holm([one.p for one in found])
    return [replace(one, p_holm=p) for one, p in zip(found, corrected, strict=True)]


def sign_test(differences: Sequence[float]) -> tuple[float, float]:
    """Return the two-sided p of a mean of zero by turning signs, and the least p it can reach.

    All signs are tried up to 12 pairs, else 20,000 random ones (the observed one counted in).
    """
    import numpy as np

    n = len(differences)
    signs = _signs(n)
    sums = np.abs(signs @ np.array(differences))
    least = 2.0 / len(signs) if n <= EXACT_PAIRS else 1.0 / len(signs)
    return float((sums >= sums[0] * (1 - 1e-12)).mean()), min(1.0, least)


@lru_cache(maxsize=4)
def _signs(n: int) -> NDArray[np.float64]:
    """Return signs to turn n differences by, none turned first: [turn, pair]."""
    import numpy as np

    if n <= EXACT_PAIRS:
        return np.array(list(itertools.product((1.0, -1.0), repeat=n)))
    signs = np.random.default_rng(n).choice((1.0, -1.0), size=(N_SIGNS, n))
    signs[0] = 1.0
    return signs


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values corrected for their number (Holm 1979): none falls below a smaller one's."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    corrected = [0.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = highest
    return corrected


def bands(names: Sequence[str], found: Sequence[Comparison]) -> dict[str, tuple[int, int]]:
    """Return the ranks that each method may have: those that beat it come before it.

    names: of all methods that were compared. The last rank leaves room for those that it beats.
    """
    beats = dict.fromkeys(names, 0)
    beaten = dict.fromkeys(names, 0)
    for one in found:
        if one.better is not None:
            beats[one.better] += 1
            beaten[one.second if one.better == one.first else one.first] += 1
    return {name: (1 + beaten[name], len(names) - beats[name]) for name in names}
