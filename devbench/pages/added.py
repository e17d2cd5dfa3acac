"""What a method adds to source clips, from its records: quantile bands over frequency.

`measured` is free in form, so what stands there is taken only if it is exactly what devbench writes
(record-format.md); anything else counts as nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any, NamedTuple

from devbench.results.metrics import mean
from devbench.results.record import Record

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
MAX_BANDS = 64
REACH_DB = 200.0


class Added(NamedTuple):
    """Quantiles over clips of what is added, the mean over runs. db: [quantile][band]."""

    hz: tuple[float, ...]
    db: tuple[tuple[float, ...], ...]


def added_of(records: Iterable[Record]) -> Added | None:
    """Return what the runs of a row add; None where no run says, as with methods that do not add.

    Runs on other bands than the first are left out.
    """
    found: list[Added] = []
    for record in records:
        entries = record.measured.get("added_db")
        held = [_parsed(entry) for entry in entries] if isinstance(entries, list) else []
        found += [one for one in held if one is not None and one.hz == (found or [one])[0].hz]
    if not found:
        return None
    curves = [
        tuple(mean(values) for values in zip(*(one.db[q] for one in found), strict=True))
        for q in range(len(QUANTILES))
    ]
    return Added(found[0].hz, tuple(curves))


def _parsed(entry: Any) -> Added | None:
    if not isinstance(entry, dict) or entry.get("quantiles") != list(QUANTILES):
        return None
    hz, rows = _numbers(entry.get("hz")), entry.get("db")
    if not 2 <= len(hz) <= MAX_BANDS or not isinstance(rows, list) or len(rows) != len(QUANTILES):
        return None
    db = tuple(_numbers(row) for row in rows)
    is_whole = all(len(row) == len(hz) and max(map(abs, row)) <= REACH_DB for row in db)
    rises = hz[0] > 0 and all(a < b for a, b in itertools.pairwise(hz))
    return Added(hz, db) if is_whole and rises else None


def _numbers(values: Any) -> tuple[float, ...]:
    """Return a list of finite numbers, empty for anything else."""
    if not isinstance(values, list) or not all(
        isinstance(v, int | float) and not isinstance(v, bool) and abs(v) < 1e9 for v in values
    ):
        return ()
    return tuple(float(value) for value in values)
