"""Intervals and shared ranks of a leaderboard's rows, from what their runs answered.

A row has an interval where its grid is whole (every seed on every source and fold) and the answers
of each of its runs are at hand. Ranks are shared by ranked rows of one track that cannot be told
apart (comparison.py); no row is compared with one of another track.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeAlias

from devbench.errors import DevbenchError
from devbench.results.answers import Answers
from devbench.results.comparison import Runs, bands, compare, mean_with_interval
from devbench.results.metrics import mean
from devbench.results.record import Record
from devbench.results.resampling import Resampled, resample
from devbench.results.tables import Block, Cell, Row, cell_of

AnswersOf: TypeAlias = "Callable[[Record], Answers | None]"
Warn = Callable[[str], None]


def with_certainty(
    blocks: Iterable[Block], records: Iterable[Record], answers: AnswersOf, *, warn: Warn
) -> tuple[Block, ...]:
    """Return the blocks with the interval and the shared ranks of each row."""
    by_id = {record.run_id: record for record in records}

    def rated(rows: Sequence[Row]) -> tuple[Row, ...]:
        runs = [_runs([by_id[run_id] for run_id in row.run_ids], answers, warn) for row in rows]
        found = [
            replace(row, interval=_interval(own))
            if own and row.mean_targets is not None and _is_whole(own)
            else row
            for row, own in zip(rows, runs, strict=True)
        ]
        ranked = {
            str(place): own
            for place, (row, own) in enumerate(zip(found, runs, strict=True))
            if row.rank is not None and row.interval is not None
        }
        if len(ranked) == sum(row.rank is not None for row in found):
            for place, band in _bands(ranked).items():
                found[int(place)] = replace(found[int(place)], band=band)
        return tuple(found)

    return tuple(
        replace(block, tables=tuple((track, rated(rows)) for track, rows in block.tables))
        for block in blocks
    )


def _runs(records: Sequence[Record], answers: AnswersOf, warn: Warn) -> Runs:
    """Return the runs of a row by cell; empty where the answers of one are missing."""
    found: dict[Cell, list[Resampled]] = {}
    for record in records:
        try:
            own = answers(record)
            resampled = resample(own) if own else None
        except DevbenchError as error:
            warn(f"no interval with run {record.run_id[:12]}: {error.what}")
            return {}
        if resampled is None:
            return {}
        found.setdefault(cell_of(record), []).append(resampled)
    return {cell: _averaged(group) for cell, group in found.items()}


def _averaged(runs: Sequence[Resampled]) -> Resampled:
    """Return the mean of runs of one cell (on two machines, say), tested on the same events."""
    import numpy as np

    draws = np.mean([run.draws for run in runs], axis=0)
    return replace(runs[0], value=mean([run.value for run in runs]), draws=draws)


def _is_whole(runs: Runs) -> bool:
    """Return whether every seed was run on every source and fold of the row."""
    places = {(cell.source, cell.fold) for cell in runs}
    return len(runs) == len(places) * len({cell.seed for cell in runs})


def _interval(runs: Runs) -> tuple[float, float]:
    found = mean_with_interval(runs)
    return max(0.0, found.low), min(1.0, found.high)


def _bands(ranked: dict[str, Runs]) -> dict[str, tuple[int, int]]:
    return bands(list(ranked), compare(ranked)) if ranked else {}
