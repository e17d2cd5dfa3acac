"""One parent run for each sweep: found again, whoever looks, and ended with what its cells did."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from devbench.results.record import Record
from devbench.results.store import Store
from devbench.sweeping.asked import by_run, families, note_asked
from devbench.sweeping.cells import Cell
from devbench.sweeping.local import Ended
from devbench.sweeping.sweep import Sweep
from devbench.tracking.address import address_of, alone, open_client, quiet
from devbench.tracking.content import PARENT_TAG, RUN_ID_TAG, SWEEP_ID_TAG
from devbench.tracking.mirror import mirror_record
from devbench.tracking.sync import mirror_sweep, rebuild, sync
from helpers.records import MadeRun, make_run
from helpers.sweeps import make_sweep

TESTS = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _no_tracking_uri(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database without runs: making one costs seconds, copying it does not."""
    folder = tmp_path_factory.mktemp("fresh")
    address = address_of(folder, f"sqlite:///{folder / 'mlflow.db'}")
    with alone(address), quiet():
        open_client(address)
    return folder / "mlflow.db"


@pytest.fixture
def store(tmp_path: Path, fresh: Path) -> Store:
    store = Store(tmp_path / "store")
    store.prepare()
    shutil.copy(fresh, store.folder)
    return store


def publish(store: Store, made: MadeRun) -> Record:
    return store.publish(made.record, made.logits, dict(made.weights))


def shown(store: Store) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the parents by sweep_id and the runs by run_id; fail where one is there twice."""
    address = address_of(store.folder)
    with alone(address), quiet():
        client = open_client(address)
        experiments = client.search_experiments(filter_string="name LIKE 'devbench/%'")
        runs = client.search_runs([e.experiment_id for e in experiments], max_results=1000)
    parents = [run for run in runs if SWEEP_ID_TAG in run.data.tags]
    children = [run for run in runs if RUN_ID_TAG in run.data.tags]
    assert len(parents) + len(children) == len(runs)
    found = {run.data.tags[SWEEP_ID_TAG]: run for run in parents}
    by_id = {run.data.tags[RUN_ID_TAG]: run for run in children}
    assert (len(found), len(by_id)) == (len(parents), len(children))
    return found, by_id


def counts(parent: Any) -> tuple[str, str, str, str]:
    tags = parent.data.tags
    words = (tags.get(f"devbench.{name}", "") for name in ("done", "failed", "to_do"))
    return (parent.info.status, *words)


def fail(sweep: Sweep, run_id: str) -> None:
    cell = Cell(None, run_id, ())  # type: ignore[arg-type]
    sweep.keep(Ended(cell, 7, 1.0, what="loss is NaN", fix="lower it"))


def test_cells_are_children_of_a_parent_that_ends_with_their_counts(store: Store) -> None:
    made = [make_run(seed=seed) for seed in range(3)]
    sweep = make_sweep(store, [run.record for run in made])
    alone_run = publish(store, make_run(seed=9))
    mirror_record(alone_run, store.folder)
    for run in made[:2]:
        mirror_record(publish(store, run), store.folder)
    parents, runs = shown(store)
    (parent,) = parents.values()
    assert counts(parent) == ("RUNNING", "", "", "")
    assert parent.info.run_name == f"sweep {sweep.grid.sweep_id}"
    assert parent.data.params["seeds"] == "0 1 2"
    assert parent.data.params["set.every method"] == "alpha=0.3"
    children = {i for i, r in runs.items() if r.data.tags.get(PARENT_TAG) == parent.info.run_id}
    assert children == {run.record.run_id for run in made[:2]}
    assert PARENT_TAG not in runs[alone_run.run_id].data.tags

    mirror_sweep(sweep.grid.sweep_id, store.folder)
    assert counts(*shown(store)[0].values()) == ("RUNNING", "2", "0", "1")
    fail(sweep, made[2].record.run_id)
    mirror_sweep(sweep.grid.sweep_id, store.folder)
    assert counts(*shown(store)[0].values()) == ("FAILED", "2", "1", "0")
    publish(store, made[2])  # its observer was not there: the end of the sweep makes up for it
    mirror_sweep(sweep.grid.sweep_id, store.folder)
    parents, runs = shown(store)
    assert counts(parents[sweep.grid.sweep_id]) == ("FINISHED", "3", "0", "0")
    assert runs[made[2].record.run_id].data.tags[PARENT_TAG] == parent.info.run_id


RACE = """
import os, signal, sys, time
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from devbench.results.store import Store
from helpers.forks import import_mlflow, in_children
from devbench.tracking.mirror import Mirror, mirror_record

store, is_killed = Store(Path(sys.argv[1])), sys.argv[3] == "killed"
records = list(store.records(print))
import_mlflow()
if is_killed:  # at the worst moment: the parent is there, and nothing of it but its tag
    Mirror._log = lambda *words: os.kill(os.getpid(), signal.SIGKILL)
    mirror_record(records[0], store.folder)
jobs = [lambda record=record: mirror_record(record, store.folder) for record in records]
sys.exit(not in_children(jobs))
"""


def test_processes_that_begin_at_once_or_are_killed_share_one_parent(store: Store) -> None:
    records = [publish(store, make_run(seed=seed)) for seed in range(8)]
    sweep = make_sweep(store, records)
    for how, code in (("killed", -signal.SIGKILL), ("at once", 0)):
        done = subprocess.run(
            [sys.executable, "-c", RACE, str(store.folder), str(TESTS), how],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (code, "")
        assert len(shown(store)[0]) == 1
    mirror_sweep(sweep.grid.sweep_id, store.folder)
    parents, runs = shown(store)
    (parent,) = parents.values()
    assert counts(parent) == ("FINISHED", "8", "0", "0")
    assert parent.data.params["methods"] == "freq-mixstyle"  # made up for what the kill left out
    assert set(runs) == {record.run_id for record in records}
    assert {run.data.tags[PARENT_TAG] for run in runs.values()} == {parent.info.run_id}


def test_sync_gives_parents_to_what_is_there_and_rebuild_gives_the_same(store: Store) -> None:
    records = [publish(store, make_run(seed=seed)) for seed in range(3)]
    mirror_record(records[0], store.folder)  # before it was asked for by a sweep
    sweep = make_sweep(store, records[:2])
    plan = make_run(seed=7).record.plan
    other = make_sweep(store, [make_run(seed=7).record])
    store.record_failure(plan, state="nan", reason="loss is NaN", phase="fit")
    fail(other, plan.run_id)
    first = sync(store, warn=pytest.fail)
    assert (first.written, first.records, first.failures, first.sweeps) == (4, 3, 1, 2)
    assert sync(store, warn=pytest.fail).written == 0
    before = shown(store)
    rebuild(store, warn=pytest.fail)
    after = shown(store)
    for parents, runs in (before, after):
        ids = {sweep_id: parent.info.run_id for sweep_id, parent in parents.items()}
        assert counts(parents[sweep.grid.sweep_id]) == ("FINISHED", "2", "0", "0")
        assert counts(parents[other.grid.sweep_id]) == ("FAILED", "0", "1", "0")
        assert {
            run_id: run.data.tags.get(PARENT_TAG) for run_id, run in runs.items()
        } == {
            records[0].run_id: ids[sweep.grid.sweep_id],
            records[1].run_id: ids[sweep.grid.sweep_id],
            records[2].run_id: None,
            plan.run_id: ids[other.grid.sweep_id],
        }  # fmt: skip
    for sweep_id, parent in before[0].items():
        again = after[0][sweep_id]
        assert (again.data.params, again.data.tags) == (parent.data.params, parent.data.tags)
        assert (again.info.start_time, again.info.end_time) == (
            parent.info.start_time,
            parent.info.end_time,
        )


def test_a_run_belongs_to_the_sweep_that_asked_first(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    records = [make_run(seed=seed).record for seed in range(4)]
    early = make_sweep(store, records[:2])
    late = make_sweep(store, records[:3], threads=2)
    note_asked(early, benchmark="sim7", run_ids=[records[3].run_id])  # with changed code, say
    note_asked(early, benchmark="sim7", run_ids=[records[3].run_id])
    owner = {r: f.sweep_id for r, f in by_run(families(store)).items()}
    ids = early.grid.sweep_id, late.grid.sweep_id
    assert [owner[record.run_id] for record in records] == [ids[0], ids[0], ids[1], ids[0]]
    assert sorted(path.name for path in (early.folder / "asked").iterdir()) == ["0.json", "1.json"]
    (family,) = (f for f in families(store) if f.sweep_id == ids[0])
    assert family.run_ids == [records[3].run_id]  # counts are of what is asked for now
    (early.folder / "asked" / "1.json").write_text("{")
    assert records[3].run_id not in by_run(families(store))
    note_asked(early, benchmark="sim7", run_ids=[records[3].run_id])  # the next number, not that
    assert by_run(families(store))[records[3].run_id].sweep_id == ids[0]
