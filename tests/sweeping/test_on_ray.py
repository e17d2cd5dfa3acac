"""What a sweep does with what a cluster gives back, without a cluster: a stand-in for Ray."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from devbench.errors import EXIT_RUN, ConfigurationError, RunError
from devbench.results import bundle
from devbench.results.shelf import Shelf
from devbench.results.store import Store
from devbench.running.plan import Request
from devbench.sweeping import on_ray
from devbench.sweeping.cells import Cell, kind_of
from devbench.sweeping.local import Ended
from devbench.sweeping.on_node import Failed, Job, Pair, Parcel, packed
from devbench.sweeping.ray_cluster import Share
from helpers.artifacts import document_of
from helpers.records import make_run

Answer = Callable[[Job], Parcel]
RUNS = {run.record.run_id: run for run in (make_run(seed=seed) for seed in range(3))}


class RayError(Exception): ...


class NodeDiedError(RayError): ...


class OtherError(RayError): ...


class StandIn(ModuleType):
    """Ray with one node of two CPUs; a task is computed when its result is asked for."""

    def __init__(self) -> None:
        super().__init__("ray")
        self.exceptions = SimpleNamespace(
            RayError=RayError, NodeDiedError=NodeDiedError, WorkerCrashedError=NodeDiedError,
            ObjectLostError=NodeDiedError, OutOfMemoryError=NodeDiedError,
            TaskCancelledError=OtherError,
        )  # fmt: skip
        self.cancelled = 0

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": True, "NodeID": "0" * 56, "NodeManagerHostname": "one",
                 "Resources": {"CPU": 2.0}}]  # fmt: skip

    def get_runtime_context(self) -> SimpleNamespace:
        return SimpleNamespace(get_node_id=lambda: "0" * 56)

    def remote(self, what: Any) -> Any:
        if isinstance(what, type):
            made = what()
            actor = SimpleNamespace(
                say=SimpleNamespace(remote=made.say),
                hear=SimpleNamespace(remote=lambda: Reference(made.hear)),
            )
            handle = SimpleNamespace(remote=lambda: actor)
        else:
            handle = SimpleNamespace(remote=lambda *given: Reference(lambda: what(*given)))
        return SimpleNamespace(options=lambda **given: handle)

    def put(self, value: Any) -> Reference:
        return Reference(lambda: value)

    def get(self, reference: Reference) -> Any:
        return reference.value()

    def wait(self, references: list[Any], **given: Any) -> tuple[list[Any], list[Any]]:
        n = given.get("num_returns", 1)
        return references[:n], references[n:]

    def cancel(self, reference: Reference) -> None:
        self.cancelled += 1
        reference.value = _cancelled


class Reference:
    def __init__(self, value: Callable[[], Any]) -> None:
        self.value = value


def _cancelled() -> None:
    raise OtherError("cancelled")


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    made = StandIn()
    strategies = ModuleType("ray.util.scheduling_strategies")
    strategies.NodeAffinitySchedulingStrategy = lambda *given, **more: None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ray", made)
    monkeypatch.setitem(sys.modules, "ray.util", ModuleType("ray.util"))
    monkeypatch.setitem(sys.modules, "ray.util.scheduling_strategies", strategies)
    return made


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


class Heard:
    def __init__(self) -> None:
        self.said: list[str] = []
        self.warnings: list[str] = []

    def begun(self, slot: int, cell: Cell) -> None:
        self.said.append("begun")

    def told(self, slot: int, cell: Cell, message: Any) -> None:
        self.said.append(message["event"])

    def ended(self, slot: int, ended: Ended) -> None:
        self.said.append("ended")


CELLS = [
    Cell(Request(run.record.plan.method.name, run.record.plan.source), run_id,
         kind_of(run.record.plan), run.record.plan)
    for run_id, run in RUNS.items()
]  # fmt: skip


def sweep(
    store: Store, answer: Answer, monkeypatch: pytest.MonkeyPatch, heard: Heard | None = None
) -> list[Ended]:
    """Run the three cells; answer: what a node sends back for each."""
    heard = heard or Heard()

    def carry_out(job: Job, **given: Any) -> Parcel:
        given["say"]({"event": "begun", "node": given["node"]})
        return answer(job)

    monkeypatch.setattr(on_ray, "carry_out", carry_out)
    return on_ray.run_cells(
        CELLS, share=Share(1), data=None, store=store.folder, logs=store.folder / "logs",
        watcher=heard, keep=lambda ended: None, warn=heard.warnings.append,
    )  # fmt: skip


def good(job: Job, folder: Path, *artifacts: Pair) -> Parcel:
    """Return what a node sends for a run that ended well."""
    run = RUNS[job.cell.run_id]
    there = Store(folder / f"{job.cell.run_id[:8]}-there")
    there.publish(run.record, run.logits, run.weights)
    path = folder / f"{job.cell.run_id}.zip"
    bundle.export(there, [job.cell.run_id], path, with_weights=True)
    ended = Ended(job.cell, 0, 1.0, mean_targets=0.5)
    return Parcel("n1", ended, bundle=path.read_bytes(), artifacts=artifacts)


def test_runs_join_the_store_with_their_weights(
    ray: StandIn, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = Heard()
    ended = sweep(store, lambda job: good(job, tmp_path), monkeypatch, heard)
    assert [one.code for one in ended] == [0, 0, 0]
    assert store.run_ids() == sorted(RUNS)
    for run in RUNS.values():
        for sha256, content in run.weights.items():
            assert store.blob("checkpoints", sha256) == content
    assert heard.said.count("ended") == 3
    assert not list((store.folder / "work").glob("*.zip"))


def test_what_came_in_meanwhile_is_neither_run_nor_taken_in_again(
    ray: StandIn, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, twin = list(RUNS.values())[:2]
    store.publish(first.record, first.logits, first.weights)
    asked = []

    def answer(job: Job) -> Parcel:
        asked.append(job.cell.run_id)
        if job.cell.run_id == twin.record.run_id:  # a task whose twin was faster
            store.publish(twin.record, twin.logits, twin.weights)
        return good(job, tmp_path)

    assert [one.code for one in sweep(store, answer, monkeypatch)] == [0, 0, 0]
    assert first.record.run_id not in asked
    assert len(store.ledger.verify()) == 3


def test_a_damaged_bundle_costs_its_run_alone(
    ray: StandIn, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = CELLS[1].run_id

    def answer(job: Job) -> Parcel:
        parcel = good(job, tmp_path)
        data = parcel.bundle[:-9] if job.cell.run_id == bad else parcel.bundle
        return Parcel(parcel.node, parcel.ended, bundle=data)

    ended = {one.cell.run_id: one for one in sweep(store, answer, monkeypatch)}
    assert ended[bad].code != 0
    assert "n1" in ended[bad].what
    assert bad not in store.run_ids()
    assert len(store.run_ids()) == 2


def test_a_node_that_does_not_fit_ends_the_sweep_and_is_named(
    ray: StandIn, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(job: Job) -> Parcel:
        if job.cell.run_id == CELLS[0].run_id:
            return good(job, tmp_path)
        return Parcel("n2", Ended(job.cell, 5, 0.0, what="no corpus", fix="copy"), is_unfit=True)

    with pytest.raises(ConfigurationError, match="node n2: no corpus"):
        sweep(store, answer, monkeypatch)
    assert store.run_ids() == [CELLS[0].run_id]


def test_a_lost_run_has_failed_and_a_lost_cluster_fails_nothing(
    ray: StandIn, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(job: Job) -> Parcel:
        if job.cell.run_id == CELLS[0].run_id:
            raise NodeDiedError("gone")
        return good(job, tmp_path)

    def gone(job: Job) -> Parcel:
        raise (
            OtherError("no raylet") if job.cell.run_id == CELLS[0].run_id else RayError("no raylet")
        )

    ended = {one.cell.run_id: one.code for one in sweep(store, lost, monkeypatch)}
    assert [ended[cell.run_id] for cell in CELLS] == [EXIT_RUN, 0, 0]
    other = Store(tmp_path / "other")
    with pytest.raises(RunError, match="no raylet"):
        sweep(other, gone, monkeypatch)
    assert ray.cancelled > 0, "the other tasks were left running"


def test_a_failure_is_written_down_with_its_log(
    ray: StandIn, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(job: Job) -> Parcel:
        ended = Ended(job.cell, EXIT_RUN, 1.0, what="loss is NaN", fix="x")
        return Parcel("n1", ended, failures=(Failed("nan", "loss", "fit"),), log=b"words")

    ended = sweep(store, answer, monkeypatch)
    assert {one.what for one in ended} == {"node n1: loss is NaN"}
    assert {failure.state for failure in store.failures(pytest.fail)} == {"nan"}
    assert (store.folder / "logs" / f"{CELLS[0].run_id}.txt").read_bytes() == b"words"


def test_the_first_of_two_unlike_artifacts_is_shared(
    ray: StandIn, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = []
    for value in (1.0, 2.0):
        document, weights = document_of(value=value)
        shelf = Shelf(tmp_path / str(value))
        shelf.publish(document, weights)
        pairs.append(packed(shelf, document.key))
    heard, numbers = Heard(), iter(range(3))
    sweep(store, lambda job: good(job, tmp_path, pairs[min(next(numbers), 1)]), monkeypatch, heard)
    assert Shelf(store.folder / "artifacts").get(document.key).read() == pairs[0][1]
    assert len(heard.warnings) == 2
    assert all("two nodes" in words for words in heard.warnings)
