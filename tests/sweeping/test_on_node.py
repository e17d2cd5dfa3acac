"""A cell on a node: all of it comes back as bytes, and what does not fit is not computed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from devbench.errors import DataError, UsageError
from devbench.results.bundle import add
from devbench.results.shelf import Shelf
from devbench.results.store import Store
from devbench.running.plan import Request
from devbench.sweeping.cells import Cell
from devbench.sweeping.on_node import Job, Parcel, carry_out, packed, scratch_folder, unpacked
from devbench.sweeping.on_ray import MAX_WARNINGS, Ear, kind_of_artifacts, take_next
from devbench.sweeping.ray_cluster import Share
from helpers.artifacts import document_of
from helpers.runs import World

Said = list[Mapping[str, Any]]


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the temporary folder of what stands for a node."""
    folder = tmp_path / "node"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture(scope="module")
def world(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    return World.make(tmp_path_factory.mktemp("on-node"), tiny_data)


def job_of(world: World, **change: Any) -> Job:
    """Return the baseline's run as a job; its benchmark is nowhere but in the job."""
    plan = world.plan().plan
    request = Request("baseline", "phone", benchmark="/nowhere/tiny.toml", threads=1, device="cpu")
    job = Job(
        cell=Cell(request, plan.run_id, ()), plan=plan.model_dump(mode="json"), sweep="s",
        data=world.data, benchmark=world.benchmark.read_bytes(),
    )  # fmt: skip
    return replace(job, **change)


def carried_out(job: Job, said: Said | None = None) -> Parcel:
    return carry_out(job, node="n1", known={}, say=(said if said is not None else []).append)


def test_a_run_comes_back_as_the_record_that_this_machine_would_make(
    world: World, node: Path, tmp_path: Path
) -> None:
    said: Said = []
    parcel = carried_out(job_of(world), said)
    assert (parcel.ended.code, parcel.is_unfit) == (0, False), parcel.ended.what
    path = tmp_path / "run.zip"
    path.write_bytes(parcel.bundle)
    other = Store(tmp_path / "other")
    assert add(other, path).joined == (world.plan().plan.run_id,)
    expected, found = world.run(), other.get(world.plan().plan.run_id)
    assert found.reproducible() == expected.reproducible()
    assert other.blob("logits", found.logits_sha256) == world.store.blob(
        "logits", expected.logits_sha256
    )
    assert other.blob_path("checkpoints", found.models[0].weights_sha256).exists()
    assert said[0] == {"event": "begun", "node": "n1"}
    assert {message["event"] for message in said} <= {"begun", "phase", "epoch"}
    left = {path.name for path in (scratch_folder() / "sweeps" / "s" / "own").iterdir()}
    assert not left, "the store of the try was not removed"
    assert list((scratch_folder() / "cache" / "features").iterdir()), "no features for the others"


def test_a_node_that_plans_another_run_computes_nothing(world: World, node: Path) -> None:
    plan = world.plan().plan.model_dump(mode="json")
    plan["versions"] = {**plan["versions"], "torch": "1.0"}
    parcel = carried_out(job_of(world, plan=plan))
    assert (parcel.is_unfit, parcel.bundle) == (True, b"")
    assert "versions.torch" in parcel.ended.what
    assert "1.0" in parcel.ended.what
    assert not list((scratch_folder() / "sweeps" / "s" / "work").glob("*/fit"))


def test_a_node_without_the_corpus_says_so(world: World, node: Path, tmp_path: Path) -> None:
    parcel = carried_out(job_of(world, data=tmp_path / "not-here"))
    assert parcel.is_unfit
    assert "not-here" in parcel.ended.what


def test_a_failure_comes_back_with_its_log(tiny_data: Path, tmp_path: Path, node: Path) -> None:
    parcel = carried_out(job_of(World.make(tmp_path / "w", tiny_data, wall_s="0.05")))
    assert (parcel.is_unfit, parcel.ended.code != 0) == (False, True)
    assert [failed.state for failed in parcel.failures] == ["timeout"]


def test_scratch_that_others_can_write_is_refused(node: Path) -> None:
    assert scratch_folder().stat().st_mode & 0o777 == 0o700
    scratch_folder().chmod(0o777)
    with pytest.raises(DataError, match="others"):
        scratch_folder()
    scratch_folder_path = node / f"devbench-node-{os.getuid()}"
    scratch_folder_path.rmdir()
    scratch_folder_path.symlink_to(node.parent)
    with pytest.raises(DataError, match="others"):
        scratch_folder()


def test_an_artifact_travels_whole_or_not_at_all(tmp_path: Path) -> None:
    document, weights = document_of()
    shelf = Shelf(tmp_path)
    shelf.publish(document, weights)
    pair = packed(shelf, document.key)
    assert unpacked(pair) == (document, weights)
    with pytest.raises(DataError, match="damaged"):
        unpacked((pair[0], pair[1][:-1] + b"!"))


@pytest.mark.parametrize(
    ("share", "resources", "expected"),
    [
        (Share(2), {"CPU": 8.0}, 4),
        (Share(2), {"GPU": 8.0}, 0),
        (Share(1, 1.0), {"CPU": 8.0, "GPU": 2.0}, 2),
        (Share(1, 0.1), {"CPU": 64.0, "GPU": 2.0}, 20),
        (Share(1, 0.4), {"CPU": 64.0, "GPU": 3.0}, 6),  # 0.4 of one GPU cannot lie on two
        (Share(4, 2.0), {"CPU": 64.0, "GPU": 5.0}, 2),
        (Share(1, 1.0), {"CPU": 8.0}, 0),
    ],
)
def test_room_on_a_node(share: Share, resources: dict[str, float], expected: int) -> None:
    assert share.fits(resources) == expected


def test_one_and_a_half_gpus_are_refused() -> None:
    with pytest.raises(UsageError, match="--gpus-per-run"):
        Share(1, 1.5)


def test_the_ear_keeps_the_last_word_of_each_cell_and_no_more() -> None:
    ear = Ear()
    ear.say("a", {"event": "begun", "node": "n"})
    for number in range(1000):
        ear.say("a", {"event": "epoch", "epoch": number})
        ear.say("a", {"event": "warning", "words": str(number)})
    heard = ear.hear()
    assert [message for _, message in heard if message["event"] != "warning"] == [
        {"event": "begun", "node": "n"}, {"event": "epoch", "epoch": 999},
    ]  # fmt: skip
    assert sum(message["event"] == "warning" for _, message in heard) == MAX_WARNINGS
    assert ear.hear() == []


def test_one_cell_of_a_kind_goes_ahead_while_there_is_other_work() -> None:
    a1, a2, a3, b1 = (Cell(Request(name[0], name), name, (name[0],)) for name in
                      ("a1", "a2", "a3", "b1"))  # fmt: skip
    waiting, tried = [a1, a2, a3, b1], set[object]()

    def taken(*begun: Cell) -> Cell | None:
        return take_next(waiting, begun=begun, tried=tried, n_slots=3)

    assert taken() is a1
    assert taken(a1) is b1
    assert taken(a1, b1) is a2, "a slot would stand idle"
    assert taken(a1, b1, a2) is None
    tried.add(kind_of_artifacts(a1))
    assert taken(b1, a2, a2) is a3
