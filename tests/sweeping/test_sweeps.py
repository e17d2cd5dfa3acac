"""Sweeps: what is missing is run, once; what fails or is killed costs no more than itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from devbench.cli.sweep import command
from devbench.errors import (
    EXIT_INTERRUPTED,
    EXIT_SWEEP,
    EXIT_UNKNOWN_NAME,
    EXIT_USAGE,
    UnknownNameError,
)
from devbench.results.store import Store
from devbench.running.plan import Request
from devbench.sweeping.cells import Cell, Durations
from devbench.sweeping.local import Ended, run_cells
from devbench.tracking.address import address_of
from devbench.tracking.mirror import mirror_at
from helpers.records import make_run
from helpers.runs import World
from helpers.sweeps import make_sweep

METHODS = "baseline,gain"


@pytest.fixture(scope="module")
def world(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    return World.make(tmp_path_factory.mktemp("sweeps"), tiny_data)


def words(world: World, *more: str, methods: str = METHODS) -> list[str]:
    where = ["--benchmark", str(world.benchmark), "--data", str(world.data)]
    store = ["--store", str(world.store.folder)]
    chosen = ["--methods", methods, "--sources", "phone", "--threads", "1"]
    return [sys.executable, "-m", "devbench", "sweep", *chosen, *where, *store, *more]


def sweep(world: World, *more: str, methods: str = METHODS) -> tuple[int, str, str]:
    done = subprocess.run(
        words(world, *more, methods=methods), capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


def cells_of(out: str) -> dict[str, str]:
    return {cell["method"]: cell["state"] for cell in json.loads(out)["cells"]}


def test_what_is_missing_is_run_and_nothing_twice(world: World) -> None:
    code, out, _ = sweep(world, "--dry-run", "--json")
    assert (code, cells_of(out)) == (0, {"baseline": "to do", "gain": "to do"})
    code, out, err = sweep(world, "--jobs", "2")
    assert code == 0, err
    assert "2 runs, 0 done, 0 failed, 2 to do" in out
    assert "2 runs ended now; 2 of 2 done" in out
    assert len(world.store.run_ids()) == 2
    n_scorings = len(list((world.store.folder / "ledger").glob("*.json")))
    code, out, _ = sweep(world, "--jobs", "2")
    assert (code, "0 runs ended now; 2 of 2 done" in out) == (0, True)
    assert len(list((world.store.folder / "ledger").glob("*.json"))) == n_scorings


def test_a_cell_is_the_run_of_that_command(world: World) -> None:
    code, out, _ = sweep(world, "--dry-run", "--json")
    assert code == 0
    run_ids = {cell["method"]: cell["run_id"] for cell in json.loads(out)["cells"]}
    planned = world.plan("gain", source="phone", threads=1)
    assert run_ids["gain"] == planned.plan.run_id


def test_status_lists_sweeps_and_rows(world: World) -> None:
    sweep(world)
    command = [*words(world)[:4], "status", "--json", "--store", str(world.store.folder),
               "--data", str(world.data)]  # fmt: skip
    overview = json.loads(subprocess.check_output(command))
    assert [(row["done"], row["to do"]) for row in overview] == [(2, 0)]
    rows = json.loads(subprocess.check_output([*command, overview[0]["sweep"][:6]]))
    assert {row["method"]: row["state"] for row in rows} == {"baseline": "done", "gain": "done"}
    assert all(0 <= float(row["mean_targets"]) <= 1 for row in rows)


def test_all_leaves_out_what_cannot_be_run_and_says_why(tmp_path: Path, tiny_data: Path) -> None:
    world = World.make(tmp_path, tiny_data)
    code, out, _ = sweep(world, "--dry-run", "--json", methods="all")
    assert code == 0
    document = json.loads(out)
    assert {"dir"} <= {one["method"] for one in document["impossible"]}
    assert "baseline" in {cell["method"] for cell in document["cells"]}
    code, _, err = sweep(world, "--dry-run", methods="dir")
    assert (code != 0, "folder" in err) == (True, True)


def test_mistakes_are_told_before_anything_runs(world: World) -> None:
    assert sweep(world, methods="basline")[0] == EXIT_UNKNOWN_NAME
    assert sweep(world, "--seeds", "x")[0] == EXIT_USAGE
    assert sweep(world, "--sources", "phnoe")[0] == EXIT_UNKNOWN_NAME
    assert sweep(world, "--folds", "3-1")[0] == EXIT_USAGE


def test_an_interrupted_sweep_stops_its_runs_and_goes_on_later(
    tmp_path: Path, tiny_data: Path
) -> None:
    world = World.make(tmp_path, tiny_data)
    _until_fit(world, signal.SIGINT, expect=EXIT_INTERRUPTED)
    code, out, err = sweep(world)
    assert (code, "2 of 2 done" in out) == (0, True), err


def test_the_runs_of_a_killed_sweep_end_by_themselves(tmp_path: Path, tiny_data: Path) -> None:
    world = World.make(tmp_path, tiny_data)
    _until_fit(world, signal.SIGKILL, expect=-signal.SIGKILL)
    code, out, err = sweep(world)
    assert (code, "2 of 2 done" in out) == (0, True), err
    assert len(list((world.store.folder / "ledger").glob("*.json"))) == 2


def _until_fit(world: World, number: int, *, expect: int) -> None:
    """Start a sweep, send a signal once a run trains, and wait until nothing of it is left."""
    child = subprocess.Popen(words(world), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 400  # a machine may be busy with other work
    while not list((world.store.folder / "work").glob("*/fit/out/checkpoints-0/*.json")):
        assert time.monotonic() < deadline, "no run began to train"
        assert child.poll() is None, "the sweep ended before it could be interrupted"
        time.sleep(0.01)
    family = psutil.Process(child.pid).children(recursive=True)
    os.kill(child.pid, number)
    assert child.wait(timeout=60) == expect
    assert not psutil.wait_procs(family, timeout=60)[1], "a process outlived the sweep"


class Silent:
    def begun(self, slot: int, cell: Cell) -> None: ...

    def told(self, slot: int, cell: Cell, message: object) -> None: ...

    def ended(self, slot: int, ended: Ended) -> None: ...


def run_all(cells: Sequence[Cell], world: World, logs: Path) -> list[Ended]:
    return run_cells(
        cells, n_jobs=2, data=world.data, store=world.store.folder, logs=logs, watcher=Silent(),
        keep=lambda ended: None,
    )  # fmt: skip


def test_a_failing_cell_says_why_and_the_others_run(world: World, tmp_path: Path) -> None:
    good = Request("baseline", "phone", benchmark=str(world.benchmark), threads=1)
    bad = Request("baseline", "phnoe", benchmark=str(world.benchmark), threads=1)
    ended = run_all([Cell(bad, "b" * 64, ()), Cell(good, "a" * 64, ())], world, tmp_path)
    of = {one.cell.run_id[0]: one for one in ended}
    assert (of["b"].code, "phnoe" in of["b"].what) == (EXIT_UNKNOWN_NAME, True)
    assert of["a"].code == 0
    assert of["a"].mean_targets is not None


def test_a_failed_run_is_left_until_it_is_asked_for(tmp_path: Path, tiny_data: Path) -> None:
    world = World.make(tmp_path, tiny_data, wall_s="0.5")
    code, out, err = sweep(world, methods="baseline")
    assert (code, "FAILED" in out) == (EXIT_SWEEP, True)
    assert "--only failed" in err
    code, out, _ = sweep(world, methods="baseline")
    assert (code, "1 failed, 0 to do" in out, "FAILED" in out) == (EXIT_SWEEP, True, False)
    code, out, _ = sweep(world, "--only", "failed", methods="baseline")
    assert (code, "FAILED" in out) == (EXIT_SWEEP, True)
    assert len(list(Store(world.store.folder).failures(lambda words: None))) == 2


def test_a_mirror_that_fails_fails_no_sweep_and_is_made_up_for(
    tmp_path: Path, tiny_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEVBENCH_OBSERVERS", "mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    world = World.make(tmp_path, tiny_data)
    world.store.prepare()
    database = world.store.folder / "mlflow.db"
    database.write_bytes(b"no database at all " * 100)
    code, out, err = sweep(world, methods="baseline")
    assert (code, "1 of 1 done" in out) == (0, True), err
    assert err.count("track sync --rebuild") == 2  # of the run and of the sweep
    database.unlink()
    code, out, err = sweep(world, methods="baseline")
    assert (code, "0 runs ended now; 1 of 1 done" in out, "warning" in err) == (0, True, False)
    with mirror_at(address_of(world.store.folder)) as mirror:
        (parent,) = mirror.runs("tags.`devbench.sweep_id` != ''")
        (child,) = mirror.runs("tags.`devbench.run_id` != ''")
    assert parent.data.tags["devbench.done"] == parent.data.tags["devbench.cells"] == "1"
    assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert (parent.info.status, child.info.status) == ("FINISHED", "FINISHED")


def test_time_left_is_that_of_the_nearest_runs_known() -> None:
    known = Durations()
    cells = [
        Cell(Request("gain", "phone"), "c" * 64, ("x", "quick", "small-cnn", "log-mel", "gain"))
    ] * 4
    assert known.estimate_s(cells, 1) is None
    known.add(("y", "paper", "resnet50", "log-mel", "gain"), 1000)
    assert known.estimate_s(cells, 2) == 2000
    known.add(("x", "quick", "small-cnn", "log-mel", "noise"), 10)
    assert known.estimate_s(cells, 2) == 20
    known.add(("x", "quick", "small-cnn", "log-mel", "gain"), 30)
    known.add(("x", "quick", "small-cnn", "log-mel", "gain"), 50)
    assert known.estimate_s(cells, 2) == 80


@pytest.mark.parametrize(
    "said", [10**400, -1, 1e300, "60", None], ids=["long", "below", "float", "text", "none"]
)
def test_times_that_are_none_are_not_counted(said: object) -> None:
    """A record of others may say anything under `measured`."""
    record = make_run().record
    strange = record.model_copy(update={"measured": {"times_s": {"total": said}}})
    known = Durations([strange])
    cells = [Cell(Request("gain", "phone"), "c" * 64, ("x",))]
    assert known.estimate_s(cells, 1) is None
    sound = record.model_copy(update={"measured": {"times_s": {"total": 7.0}}})
    assert Durations([strange, sound]).estimate_s(cells, 1) == 7.0


def test_a_damaged_note_of_a_failure_leaves_the_cell_to_do(tmp_path: Path) -> None:
    made = make_run()
    run_id = made.record.run_id
    swept = make_sweep(Store(tmp_path / "store"), [made.record])
    note = swept.folder / "failed" / f"{run_id}.json"
    note.write_text('{"run_id": "' + run_id + '", "code": 7, "what": "it", "fix": "so"}')
    assert swept.states([run_id]) == {run_id: "failed"}
    note.write_text("{")
    assert swept.states([run_id]) == {run_id: "to do"}


def test_a_sweep_that_cannot_be_planned_here_hides_no_other(tmp_path: Path) -> None:
    """Its plugin was removed, say; the other sweeps of the store are still there."""
    store = Store(tmp_path / "store")
    made = make_run()
    gone = make_sweep(store, [made.record], methods=["gone-method"])
    store.publish(made.record, made.logits, made.weights)
    other = make_sweep(store, [made.record], benchmark="gone.toml")
    call = CliRunner().invoke(command, ["status", "--json", "--store", str(store.folder)])
    assert call.exit_code == 0, call.output
    rows = {row["sweep"]: row for row in json.loads(call.stdout)}
    assert set(rows) == {gone.grid.sweep_id, other.grid.sweep_id}
    assert {(row["done"], row["to do"]) for row in rows.values()} == {(1, 0)}
    assert "gone-method" in call.stderr
    one = ["status", gone.grid.sweep_id, "--store", str(store.folder)]
    assert isinstance(CliRunner().invoke(command, one).exception, UnknownNameError)
