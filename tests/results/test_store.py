from __future__ import annotations

import json
import multiprocessing
import stat
from pathlib import Path

import pytest

from devbench.errors import CheckError, DataError, RunError, UnknownNameError
from devbench.files import publish
from devbench.results.store import Store
from devbench.results.verify import Verifier
from helpers.records import MadeRun, make_plan, make_run, sha


def put(store: Store, run: MadeRun, **options: object) -> None:
    store.publish(run.record, run.logits, run.weights, **options)  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def no_warning(words: str) -> None:
    raise AssertionError(words)


def test_what_is_published_is_found(store: Store) -> None:
    run = make_run()
    put(store, run)
    assert store.has(run.record.run_id)
    assert store.get(run.record.run_id) == run.record
    assert store.find(run.record.run_id[:6]) == run.record
    assert list(store.records(no_warning)) == [run.record]
    assert store.logits(run.record).labels() == run.stored.labels()
    for sha256, content in run.weights.items():
        assert store.blob("checkpoints", sha256) == content


def test_reading_makes_no_folder(store: Store) -> None:
    assert store.run_ids() == []
    assert list(store.failures(no_warning)) == []
    assert not store.has(sha("x"))
    assert store.ledger.verify() == []
    with pytest.raises(UnknownNameError, match="ls runs"):
        store.find("ab")
    assert not store.folder.exists()


def test_only_the_owner_enters(store: Store) -> None:
    store.prepare()
    for path in (store.folder, *store.folder.iterdir()):
        if path.is_dir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o700, path


def test_ambiguous_and_unknown_prefixes(store: Store) -> None:
    runs = [make_run(seed=seed) for seed in range(17)]  # two of 17 share a first digit of 16
    for run in runs:
        put(store, run)
    firsts = [run.record.run_id[0] for run in runs]
    twice = next(first for first in firsts if firsts.count(first) > 1)
    with pytest.raises(UnknownNameError, match=f"runs start with '{twice}'"):
        store.find(twice)
    for wrong in ("", "zz", "../../etc/passwd", "x" * 500):
        with pytest.raises(UnknownNameError):
            store.find(wrong)
    for wrong in ("../../etc/passwd", runs[0].record.run_id[:6], ""):
        with pytest.raises(UnknownNameError):
            store.get(wrong)


def test_many_ambiguous_runs_are_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "run_ids", lambda: [f"a{n:063d}" for n in range(20)])
    with pytest.raises(UnknownNameError, match="and 12 more"):
        store.find("a")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"schema": 2}', "schema 2"),
        ('{"schema": "1"}', "no number"),
        ('{"schema": true}', "no number"),
        ("[]", "no number"),
        ("{", "line 1"),
    ],
)
def test_a_store_of_a_newer_or_broken_schema_is_refused(
    tmp_path: Path, content: str, words: str
) -> None:
    (tmp_path / "store.json").write_text(content)
    with pytest.raises(DataError, match=words):
        Store(tmp_path)


def test_a_folder_with_other_things_does_not_become_a_store(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_text("")
    with pytest.raises(DataError, match=r"holiday\.jpg"):
        put(Store(tmp_path), make_run())
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


def test_a_folder_with_only_a_cache_becomes_a_store(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "mlflow.db").write_text("")
    Store(tmp_path).prepare()
    assert json.loads((tmp_path / "store.json").read_text()) == {"schema": 1}


def test_the_first_record_of_a_run_stays_unless_replaced(store: Store) -> None:
    run = make_run()
    put(store, run)
    later = run.record.model_copy(update={"measured": {"times_s": {"fit": 99.0}}})
    assert store.publish(later, run.logits, run.weights) == run.record
    assert store.get(run.record.run_id) == run.record
    assert store.publish(later, run.logits, run.weights, replace=True) == later
    assert store.get(run.record.run_id) == later
    assert Verifier(store).verify(store.run_ids(), level=1)[0].is_passed
    # the same logits of the same run: seen once, however often it was written
    assert list(store.ledger.scorings().values()) == [1]


def test_damaged_files_are_replaced_by_the_next_run(store: Store) -> None:
    run = make_run()
    put(store, run)
    (weights,) = run.weights
    paths = (
        store.record_path(run.record.run_id),
        store.blob_path("logits", run.record.logits_sha256),
        store.blob_path("checkpoints", weights),
    )
    for path in paths:
        path.write_bytes(b"{")
    with pytest.raises(DataError, match="damaged"):
        store.logits(run.record)
    put(store, run)
    assert Verifier(store).verify(store.run_ids(), level=1)[0].is_passed


def test_damaged_records_are_skipped_with_a_warning(store: Store) -> None:
    runs = [make_run(seed=seed) for seed in range(3)]
    for run in runs:
        put(store, run)
    store.record_path(runs[0].record.run_id).write_bytes(b"{")
    store.record_path(runs[1].record.run_id).write_bytes(runs[2].record.to_json())
    (store.folder / "records" / "notes.txt").write_text("not a record")
    warnings: list[str] = []
    assert [r.run_id for r in store.records(warnings.append)] == [runs[2].record.run_id]
    assert len(warnings) == 2


def test_weights_must_come_with_the_run_and_have_their_hash(store: Store, tmp_path: Path) -> None:
    run = make_run()
    with pytest.raises(DataError, match="missing"):
        store.publish(run.record, run.logits, {})
    (sha256,) = run.weights
    with pytest.raises(DataError, match="hash"):
        store.publish(run.record, run.logits, {sha256: b"other"})
    with pytest.raises(DataError, match="hash"):
        store.publish(run.record, b"other", run.weights)
    assert not store.has(run.record.run_id)
    assert store.ledger.verify() == []
    path = tmp_path / "weights"
    path.write_bytes(run.weights[sha256])
    store.publish(run.record, run.logits, {sha256: path})
    assert store.blob("checkpoints", sha256) == run.weights[sha256]


def test_a_record_is_visible_only_when_everything_else_is(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run()
    seen: list[str] = []

    def watched(path: Path, data: bytes, *, replace: bool = False) -> None:
        seen.append(path.parent.name)
        publish(path, data, replace=replace)

    monkeypatch.setattr("devbench.results.store.publish", watched)
    monkeypatch.setattr("devbench.results.ledger.publish", watched)
    put(store, run)
    assert seen == ["store", "checkpoints", "logits", "ledger", "records"]


@pytest.mark.parametrize("fault", range(5))
def test_a_fault_at_any_write_leaves_no_record_and_the_next_try_works(
    store: Store, monkeypatch: pytest.MonkeyPatch, fault: int
) -> None:
    run = make_run()
    count = 0

    def failing(path: Path, data: bytes, *, replace: bool = False) -> None:
        nonlocal count
        count += 1
        if count == fault + 1:
            raise RunError("the disk is full", fix="free some space", state="disk")
        publish(path, data, replace=replace)

    monkeypatch.setattr("devbench.results.store.publish", failing)
    monkeypatch.setattr("devbench.results.ledger.publish", failing)
    with pytest.raises(RunError):
        put(store, run)
    assert not store.has(run.record.run_id)
    put(Store(store.folder), run)
    assert Verifier(store).verify(store.run_ids(), level=1)[0].is_passed
    assert list(store.ledger.scorings().values()) == [1]


def test_failures_stay_and_are_numbered(store: Store) -> None:
    plan = make_plan()
    for reason in ("NaN at step 3\x1b[31m", "NaN at step 3\x1b[31m", "out of memory"):
        store.record_failure(plan, state="nan", reason=reason, phase="fit")
    found = list(store.failures(no_warning))
    assert [failure.reason for failure in found] == ["NaN at step 3 [31m"] * 2 + ["out of memory"]
    assert {failure.run_id for failure in found} == {plan.run_id}
    next((store.folder / "failures").iterdir()).write_bytes(b"{}")
    warnings: list[str] = []
    assert len(list(store.failures(warnings.append))) == 2
    assert len(warnings) == 1


def test_a_failure_gives_way_to_another_writer(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def beaten(path: Path, data: bytes, *, replace: bool = False) -> None:
        publish(path, b"{}" if path.name.endswith(".0.json") else data, replace=replace)

    monkeypatch.setattr("devbench.results.store.publish", beaten)
    store.record_failure(make_plan(), state="nan", reason="x", phase="fit")
    names = sorted(path.name[64:] for path in (store.folder / "failures").iterdir())
    assert names == [".0.json", ".1.json"]


def publish_one(folder: Path, seed: int) -> None:
    run = make_run(seed=seed)
    put(Store(folder), run)
    Store(folder).record_failure(run.record.plan, state="nan", reason=str(seed), phase="fit")


def test_sixteen_writers_at_once_on_a_fresh_store(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    context = multiprocessing.get_context("spawn")
    # eight runs, each by two processes
    with context.Pool(4) as pool:
        pool.starmap(publish_one, [(folder, seed % 8) for seed in range(16)])
    store = Store(folder)
    assert len(store.run_ids()) == 8
    assert all(verdict.is_passed for verdict in Verifier(store).verify(store.run_ids(), level=1))
    assert sum(store.ledger.scorings().values()) == 8
    assert len(list(store.failures(no_warning))) == 16
    assert not [path for path in folder.rglob("*.tmp")]


def test_a_broken_ledger_stops_publishing(store: Store) -> None:
    put(store, make_run())
    next((store.folder / "ledger").glob("*.json")).write_bytes(b"{}")
    with pytest.raises(CheckError, match="ledger"):
        put(store, make_run(seed=1))
    assert not store.has(make_run(seed=1).record.run_id)


def test_work_folders_are_named_by_the_run(store: Store) -> None:
    assert store.work_folder(sha("a")).parent == store.folder / "work"
