"""A sweep on a Ray cluster of several nodes: none lost, none twice, the bytes of a local run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from devbench.errors import EXIT_CONFIGURATION, EXIT_INTERRUPTED, EXIT_USAGE
from devbench.results.record import Record
from devbench.results.store import Store
from devbench.sweeping.ray_cluster import PATIENCE_S
from helpers.ray_nodes import Nodes, nodes
from helpers.runs import World

pytest.importorskip("ray", reason="pip install 'devbench[ray]'")
METHODS = "baseline,gain"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    with nodes(tmp_path_factory.mktemp("cluster"), n_nodes=2) as started:
        yield started


@pytest.fixture
def world(tmp_path: Path, tiny_data: Path) -> World:
    return World.make(tmp_path, tiny_data)


def words(world: World, *more: str, methods: str = METHODS) -> list[str]:
    where = ["--benchmark", str(world.benchmark), "--data", str(world.data)]
    chosen = ["--methods", methods, "--sources", "phone", "--threads", "1", "--device", "cpu"]
    store = ["--store", str(world.store.folder)]
    return [sys.executable, "-m", "devbench", "sweep", *chosen, *where, *store, *more]


def sweep(world: World, *more: str, methods: str = METHODS) -> tuple[int, str, str]:
    done = subprocess.run(
        words(world, *more, methods=methods), capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


def started(world: World, *more: str, methods: str = METHODS) -> subprocess.Popen[str]:
    return subprocess.Popen(
        words(world, *more, methods=methods),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(is_so: Callable[[], object], what: str, *, of: Sequence[subprocess.Popen[str]]) -> None:
    """Wait for something that happens while commands run."""
    deadline = time.monotonic() + 300
    while not is_so():
        assert time.monotonic() < deadline, f"never: {what}"
        ended = [one.communicate() for one in of if one.poll() is not None]
        assert not ended, f"ended before {what}: {ended}"
        time.sleep(0.05)


def at_work(cluster: Nodes, node: int) -> list[Path]:
    """Return the checkpoints of runs that train on a node."""
    return list(cluster.folder.glob(f"node-{node}/*/sweeps/*/work/*/fit/out/checkpoints-0/*.json"))


def records(store: Store) -> dict[str, Record]:
    return {run_id: store.get(run_id) for run_id in store.run_ids()}


@pytest.mark.long
def test_two_sweeps_and_a_lost_node_give_each_run_once_and_its_bytes(
    cluster: Nodes, world: World, tiny_data: Path, tmp_path: Path
) -> None:
    asked = ("--seeds", "0-1", "--ray", cluster.address)
    both = [started(world, *asked), started(world, *asked, "--json")]
    until(lambda: at_work(cluster, 1), "a run trains on the second node", of=both)
    cluster.say("kill")
    ended = [(one.wait(), *one.communicate()) for one in both]
    assert [code for code, _, _ in ended] == [0, 0], ended
    assert {cell["state"] for cell in json.loads(ended[1][1])["cells"]} == {"done"}
    assert "Ray node" in ended[0][2], "nobody was told that a node was lost"
    found = records(world.store)
    assert len(found) == 4
    assert len(world.store.ledger.verify()) == 4, "a run joined the store twice"
    alone = World.make(tmp_path / "alone", tiny_data)
    local = replace(world, store=alone.store)
    assert sweep(local, "--seeds", "1", methods="gain")[0] == 0
    for run_id, expected in records(alone.store).items():
        assert found[run_id].reproducible() == expected.reproducible()
        sha256 = expected.models[0].weights_sha256
        assert world.store.blob("checkpoints", sha256) == alone.store.blob("checkpoints", sha256)


@pytest.mark.long
def test_an_interrupted_sweep_leaves_nothing_running_and_goes_on_later(
    cluster: Nodes, world: World
) -> None:
    asked = ("--ray", cluster.address)
    before = set(at_work(cluster, 0))
    child = started(world, *asked, methods="baseline")
    until(lambda: set(at_work(cluster, 0)) - before, "a run trains", of=[child])
    child.send_signal(signal.SIGINT)
    assert child.wait(timeout=120) == EXIT_INTERRUPTED
    child.communicate()
    until(lambda: not cells_of(cluster), "the processes of the run end", of=[])
    assert world.store.run_ids() == []
    code, out, err = sweep(world, *asked, methods="baseline")
    assert (code, "1 of 1 done" in out) == (0, True), err


def cells_of(cluster: Nodes) -> list[psutil.Process]:
    """Return the processes that compute runs for this cluster."""
    family = psutil.Process(cluster.process.pid).children(recursive=True)
    found = []
    for process in family:
        try:
            if "devbench.sweeping.cell" in process.cmdline():
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_a_run_that_no_node_has_room_for_is_refused(cluster: Nodes, world: World) -> None:
    code, _, err = sweep(world, "--ray", cluster.address, "--gpus-per-run", "0.5")
    assert (code, "0.5 GPUs" in err) == (EXIT_CONFIGURATION, True), err


def test_a_cluster_that_does_not_answer_is_told_in_time(world: World) -> None:
    begun = time.monotonic()
    code, out, err = sweep(world, "--ray", "127.0.0.2:9")
    assert (code, out) == (EXIT_CONFIGURATION, "")
    assert err.startswith("devbench: no Ray cluster")
    assert "127.0.0.2:9" in err
    assert len(err.strip().splitlines()) == 2
    assert (
        time.monotonic() - begun < PATIENCE_S + 45
    )  # what Python needs to start, on a busy machine, too


def test_without_ray_one_line_says_how_to_get_it(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ray.py").write_text("raise ImportError('none here')\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    code, _, err = sweep(world, "--ray", "auto")
    assert (code, "pip install 'devbench[ray]'" in err) == (EXIT_CONFIGURATION, True), err


def test_options_of_one_place_are_refused_in_the_other(world: World) -> None:
    assert sweep(world, "--ray", "auto", "--jobs", "2")[0] == EXIT_USAGE
    assert sweep(world, "--gpus-per-run", "1")[0] == EXIT_USAGE
    assert sweep(world, "--ray", "ray://head:10001")[0] == EXIT_USAGE
