"""Intervals and shared ranks of leaderboard rows: only where they mean something."""

from __future__ import annotations

from typing import Any

import pytest

from devbench.results.answers import Answers
from devbench.results.certainty import with_certainty
from devbench.results.record import Record
from devbench.results.tables import Row, leaderboard
from helpers.records import DEVICES, MadeRun, make_run, sha


def rows_of(runs: list[MadeRun], *, seeds: int = 2, missing: str = "") -> dict[str, Row]:
    stored = {run.record.run_id: run.stored for run in runs}
    records = [run.record for run in runs]
    blocks = leaderboard(
        records,
        levels={record.run_id: 1 for record in records},
        ranked_seeds={sha("sim7"): seeds},
    )

    def answers(record: Record) -> Answers | None:
        if record.run_id == missing:
            return None
        return Answers.of(stored[record.run_id], source=record.plan.source)

    (block,) = with_certainty(blocks, records, answers, warn=pytest.fail)
    return {row.method: row for _, rows in block.tables for row in rows}


def grid(skills: dict[str, float], *, seeds: int = 2, **changes: Any) -> list[MadeRun]:
    return [
        make_run(method=method, source=source, seed=seed, skill=skill, n_events=45, **changes)
        for method, skill in skills.items()
        for source in DEVICES
        for seed in range(seeds)
    ]


def test_an_interval_holds_the_mean_and_narrows_with_skill() -> None:
    rows = rows_of(grid({"rfn": 0.8, "freq-mixstyle": 8.0}))
    for row in rows.values():
        assert row.interval is not None
        assert row.mean_targets is not None
        low, high = row.interval
        assert 0 <= low <= row.mean_targets <= high <= 1
    wide, narrow = (rows[name].interval for name in ("rfn", "freq-mixstyle"))
    assert wide and narrow
    assert wide[1] - wide[0] > narrow[1] - narrow[0]


def test_ranks_are_shared_by_what_cannot_be_told_apart() -> None:
    rows = rows_of(grid({"rfn": 1.0, "mixup": 1.0, "freq-mixstyle": 6.0}, seeds=4), seeds=4)
    assert rows["freq-mixstyle"].band == (1, 1)
    assert rows["rfn"].band == rows["mixup"].band == (2, 3)


def test_an_unranked_row_shares_no_rank_but_has_an_interval() -> None:
    rows = rows_of(grid({"rfn": 1.0, "mixup": 1.0}), seeds=5)
    assert {row.band for row in rows.values()} == {None}
    assert all(row.interval for row in rows.values())


def test_tracks_are_never_compared() -> None:
    runs = grid({"rfn": 1.0}, seeds=4) + grid({"umc-real": 6.0}, seeds=4, needs=["device-fr"])
    rows = rows_of(runs, seeds=4)
    assert rows["rfn"].band == rows["umc-real"].band == (1, 1)


def test_a_grid_with_holes_has_no_interval() -> None:
    runs = grid({"rfn": 1.0, "mixup": 1.0})
    holed = [run for run in runs if run is not runs[0]]  # one source lacks seed 0
    rows = rows_of(holed)
    assert rows["rfn"].mean_targets is not None
    assert rows["rfn"].interval is None
    assert rows["mixup"].interval is not None


def test_a_row_lacks_its_interval_when_one_run_lacks_answers() -> None:
    runs = grid({"rfn": 1.0, "mixup": 1.0})
    rows = rows_of(runs, missing=runs[0].record.run_id)
    assert rows["rfn"].interval is None
    assert rows["mixup"].interval is not None
    assert {row.band for row in rows.values()} == {None}  # not all ranked rows can be compared


def test_two_runs_of_one_cell_count_as_one() -> None:
    once = rows_of(grid({"rfn": 1.0}))["rfn"]
    runs = grid({"rfn": 1.0})
    twin = make_run(method="rfn", source=DEVICES[0], seed=0, skill=1.0, n_events=45, threads=2)
    both = rows_of([*runs, twin])["rfn"]
    assert both.n_runs == once.n_runs + 1
    assert both.interval is not None
    low, high = both.interval
    assert both.mean_targets == pytest.approx((low + high) / 2)
