from __future__ import annotations

import random
import statistics
from collections import defaultdict
from typing import Any

import pytest

from devbench.results.record import Record
from devbench.results.tables import Block, Row, block_key, fit_seconds, leaderboard
from helpers.records import make_plan, make_run, sha

SKILL = {"baseline": 0.5, "ideal": 6.0, "freq-mixstyle": 2.0, "rfn": 1.5}
DEVICES = ("a", "b", "c")


def grid(*methods: str, seeds: int = 5, sources: tuple[str, ...] = DEVICES, **plan: Any) -> list[
    Record
]:  # fmt: skip
    return [
        make_run(
            method=m, skill=SKILL.get(m, 1.0), source=s, devices=DEVICES, seed=k, **plan
        ).record
        for m in methods
        for s in sources
        for k in range(seeds)
    ]


def board(records: list[Record], **options: Any) -> tuple[Block, ...]:
    levels = {record.run_id: 1 for record in records}
    return leaderboard(records, **({"levels": levels} | options))


def rows(block: Block) -> dict[str, Row]:
    return {
        f"{row.method} {row.options}".strip(): row for _, table in block.tables for row in table
    }


ALL = grid("baseline", "ideal", "freq-mixstyle", "rfn")


def test_tracks_are_apart_and_in_order() -> None:
    (block,) = board(ALL)
    assert [track for track, _ in block.tables] == ["blind", "oracle"]
    blind = block.tables[0][1]
    assert sorted(row.method for row in blind) == ["baseline", "freq-mixstyle", "rfn"]
    assert [row.rank for row in blind] == [1, 2, 3]
    means = [row.mean_targets for row in blind]
    assert means == sorted(means, reverse=True)  # type: ignore[type-var]
    assert {row.status for row in blind} == {"ranked"}


def test_figures_equal_an_independent_computation() -> None:
    """By pandas and scikit-learn from the confusion matrices, to 1e-12."""
    import pandas as pd
    from sklearn.metrics import f1_score

    lines = []
    for record in ALL:
        for score in record.scores:
            pairs = [
                (t, p)
                for t, row in enumerate(score.confusion)
                for p, n in enumerate(row)
                for _ in range(n)
            ]
            true, predicted = zip(*pairs, strict=True)
            f1 = f1_score(true, predicted, labels=[0, 1, 2], average="macro", zero_division=0)
            lines.append(
                (record.plan.method.name, record.plan.source, record.plan.seed, score.device, f1)
            )
    table = pd.DataFrame(lines, columns=["method", "source", "seed", "device", "f1"])
    targets = table[table.source != table.device]
    per_run = targets.groupby(["method", "source", "seed"]).f1.mean()
    (block,) = board(ALL)
    for name, row in rows(block).items():
        own = targets[targets.method == name]
        expected = {
            "mean_targets": own.groupby("source").f1.mean().mean(),
            "mean_all": table[table.method == name].f1.mean(),
            "worst_target": own.groupby(["source", "device"]).f1.mean().min(),
            "source_score": table[
                (table.method == name) & (table.source == table.device)
            ].f1.mean(),
            "spread": own.groupby(["source", "seed"]).f1.std(ddof=0).mean(),
            "gap_closed": (
                (per_run[name] - per_run["baseline"]) / (per_run["ideal"] - per_run["baseline"])
            ).mean(),
        }
        for field, value in expected.items():
            assert abs(getattr(row, field) - value) < 1e-12, (name, field)
        for source, value in own.groupby("source").f1.mean().items():
            assert abs(row.by_source[str(source)] - value) < 1e-12  # type: ignore[operator]
        worst = own.groupby(["source", "device"]).f1.mean().idxmin()
        assert row.worst_cell == f"{worst[0]}>{worst[1]}"


def test_the_order_of_records_does_not_matter() -> None:
    shuffled = list(ALL)
    random.Random(1).shuffle(shuffled)
    assert board(shuffled) == board(ALL)


@pytest.mark.parametrize(
    "other",
    [
        {"benchmark": "mics7"},
        {"corpus_fingerprint": sha("another version")},
        {"budget": "standard"},
        {"backbone": "resnet18"},
    ],
)
def test_what_cannot_be_compared_stands_in_blocks_of_its_own(other: dict[str, Any]) -> None:
    apart = grid("freq-mixstyle", seeds=1, **other)
    blocks = board([*ALL, *apart])
    assert len(blocks) == 2
    (strange,) = [block for block in blocks if block.key == block_key(apart[0].plan)]
    assert rows(strange)["freq-mixstyle"].gap_closed is None  # no baseline there


def test_device_class_and_precision_do_not_part_rows() -> None:
    gpu = grid("rfn", seeds=1, device="cuda", precision="bf16")
    (block,) = board([*ALL, *gpu])
    row = rows(block)["rfn"]
    assert row.n_runs == 18
    by_cell = defaultdict(list)
    for record in [*ALL, *gpu]:
        if record.plan.method.name == "rfn":
            by_cell[record.plan.source, record.plan.seed].append(record.summary.mean_targets)
    by_source = defaultdict(list)
    for (source, _), values in by_cell.items():
        by_source[source].append(statistics.fmean(values))
    expected = statistics.fmean(statistics.fmean(values) for values in by_source.values())
    assert row.mean_targets == pytest.approx(expected, abs=1e-12)


def test_gap_closed_of_baseline_is_0_and_of_ideal_is_1() -> None:
    found = rows(board(ALL)[0])
    assert found["baseline"].gap_closed == 0
    assert found["ideal"].gap_closed == 1
    assert 0 < found["freq-mixstyle"].gap_closed < 1  # type: ignore[operator]


def test_gap_closed_needs_every_run_of_the_row() -> None:
    fewer = [
        r for r in ALL if (r.plan.method.name, r.plan.source, r.plan.seed) != ("ideal", "b", 3)
    ]
    found = rows(board(fewer)[0])
    assert found["freq-mixstyle"].gap_closed is None
    assert found["freq-mixstyle"].mean_targets is not None
    without = [r for r in ALL if r.plan.method.name != "baseline"]
    assert rows(board(without)[0])["rfn"].gap_closed is None


def test_a_stranger_named_baseline_is_no_reference() -> None:
    theirs = grid("baseline", seeds=1, is_file=True, code_sha256=sha("theirs"))
    mine = [r for r in ALL if r.plan.method.name != "baseline"]
    assert rows(board([*mine, *theirs])[0])["rfn"].gap_closed is None


def test_two_versions_of_the_baseline_are_not_mixed() -> None:
    """What a row is held against is a run of one code: the newest of its cell."""

    def at(records: list[Record], day: int) -> list[Record]:
        started = {"measured": {"started_at": f"2026-01-{day:02d}T00:00:00+00:00"}}
        return [record.model_copy(update=started) for record in records]

    newer = at(grid("baseline", seeds=1, code_sha256=sha("newer"), threads=2), 2)
    (block,) = board([*newer, *at(ALL, 1)])
    closed = {row.code_sha256: row.gap_closed for row in block.tables[0][1]}
    assert closed[sha("newer")] == 0
    assert closed[sha("code of baseline")] != 0
    (block,) = board([*at(newer, 1), *at(ALL, 2)])
    closed = {row.code_sha256: row.gap_closed for row in block.tables[0][1]}
    assert closed[sha("code of baseline")] == 0
    assert closed[sha("newer")] != 0


def test_a_front_end_by_choice_is_open_and_held_against_its_own_baseline() -> None:
    frontend = make_plan().frontend.model_copy(
        update={"name": "cqt", "options": {"lowest_hz": 55.0}, "opened": ["lowest_hz", "name"]}
    )
    other = grid("baseline", "ideal", "rfn", frontend=frontend)
    (block,) = board([*ALL, *other])
    found, chosen = rows(block), "frontend=cqt frontend.lowest_hz=55.0"
    assert found[f"rfn {chosen}"].status == "open options"
    assert found[f"baseline {chosen}"].gap_closed == 0
    assert found[f"ideal {chosen}"].gap_closed == 1
    before = rows(board(ALL)[0])
    assert {name: before[name].gap_closed for name in before} == {
        name: found[name].gap_closed for name in before
    }
    assert (
        rows(board([*ALL, *grid("rfn", frontend=frontend)])[0])[f"rfn {chosen}"].gap_closed is None
    )


def status_of(records: list[Record], name: str, **options: Any) -> Row:
    return rows(board(records, **options)[0])[name]


def test_fewer_seeds_are_preliminary() -> None:
    row = status_of([*ALL, *grid("new", seeds=2)], "new")
    assert (row.rank, row.status, row.n_seeds) == (None, "preliminary (2/5 seeds)", 2)
    assert row.mean_targets is not None
    assert status_of(grid("new", seeds=2), "new", ranked_seeds={sha("sim7"): 2}).rank == 1


def test_seeds_cannot_be_chosen() -> None:
    chosen = [r for r in grid("new", seeds=9) if r.plan.seed >= 2]
    row = status_of(chosen, "new")
    assert (row.n_seeds, row.status) == (0, "preliminary (0/5 seeds)")


def test_missing_sources_leave_a_row_without_figures_and_rank() -> None:
    row = status_of([*ALL, *grid("half", sources=("a", "b"))], "half")
    assert row.status == "incomplete (2/3 sources)"
    assert row.rank is None
    assert row.mean_targets is row.mean_all is row.worst_target is row.gap_closed is None
    assert row.by_source["c"] is None
    assert row.by_source["a"] is not None


def test_missing_folds_are_preliminary() -> None:
    row = status_of([*ALL, *grid("folded"), *grid("folded", fold=1)], "rfn")
    assert row.status == "preliminary (1/2 folds)"


def test_open_options_stand_beside_the_default() -> None:
    opened = grid("freq-mixstyle", options={"p": 0.9}, opened=["p"])
    found = rows(board([*ALL, *opened])[0])
    assert found["freq-mixstyle"].status == "ranked"
    assert found["freq-mixstyle p=0.9"].status == "open options"
    assert found["freq-mixstyle p=0.9"].rank is None
    assert found["freq-mixstyle p=0.9"].mean_targets is not None


def test_files_claims_and_runs_without_isolation_are_not_ranked() -> None:
    assert status_of(grid("mine", is_file=True), "mine").status == "file"
    assert status_of(grid("free", isolation="none"), "free").status == "no isolation"
    records = grid("claimed")
    levels = {record.run_id: 1 for record in records} | {records[0].run_id: 0}
    row = status_of(records, "claimed", levels=levels)
    assert (row.status, row.level, row.rank) == ("claimed", 0, None)
    assert status_of(records, "claimed", levels=levels, ranked_level=0).rank == 1


def test_another_code_is_another_row() -> None:
    edited = grid("rfn", code_sha256=sha("edited"))
    (block,) = board([*ALL, *edited])
    assert sum(row.method == "rfn" for row in block.tables[0][1]) == 2


def test_failures_are_counted_and_a_method_that_only_failed_is_shown() -> None:
    failed = [make_plan(method="rfn", devices=DEVICES), make_plan(method="bad", devices=DEVICES)]
    found = rows(board(ALL, failed=[*failed, failed[1]])[0])
    assert found["rfn"].n_failed == 1
    assert found["rfn"].status == "ranked"
    assert (found["bad"].n_failed, found["bad"].status, found["bad"].level) == (2, "failed", None)
    assert found["bad"].mean_targets is None
    (only,) = board([], failed=failed)
    assert rows(only)["bad"].n_seeds == 0


def test_scorings_come_from_the_ledger_or_are_unknown() -> None:
    found = rows(board(ALL, scorings={("rfn", sha("sim7")): 30})[0])
    assert (found["rfn"].n_scored, found["baseline"].n_scored) == (30, 0)
    assert rows(board(ALL)[0])["rfn"].n_scored is None


def test_one_classifier_per_target_has_no_source_score() -> None:
    row = status_of(grid("adapt", per_target=True), "adapt")
    assert row.source_score is row.mean_all is None
    assert row.mean_targets is not None


def test_equal_means_share_a_rank() -> None:
    same = [
        make_run(method=m, source="a", devices=DEVICES, seed=k, skill=100.0).record
        for m in ("x", "y")
        for k in range(5)
    ]
    worse = grid("z", sources=("a",))
    (block,) = board([*same, *worse])
    assert [(row.method, row.rank) for row in block.tables[0][1]] == [("x", 1), ("y", 1), ("z", 3)]


@pytest.mark.parametrize(
    ("measured", "seconds"),
    [
        ({"times_s": {"fit": 3}}, 3.0),
        ({"times_s": {"fit": "3"}}, None),
        ({"times_s": {"fit": True}}, None),
        ({"times_s": {"fit": -1}}, None),
        ({"times_s": []}, None),
        ({}, None),
    ],
)
def test_fit_seconds(measured: dict[str, Any], seconds: float | None) -> None:
    record = ALL[0].model_copy(update={"measured": measured})
    assert fit_seconds(record) == seconds
    assert board([record])[0].tables[0][1][0].fit_s == seconds
