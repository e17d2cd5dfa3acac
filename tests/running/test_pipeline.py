"""One run from plan to record: the same seed gives the same bytes, also after kill -9."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from devbench.errors import CheckError, ConfigurationError, PluginError
from devbench.results.store import Store
from helpers.in_process import with_workers
from helpers.runs import World

pytestmark = pytest.mark.usefixtures("module_without_workers")

PLUGINS = Path(__file__).parent / "plugins"


@pytest.fixture(scope="module")
def world(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    return World.make(tmp_path_factory.mktemp("world"), tiny_data)


def command(world: World, *more: str) -> list[str]:
    return [sys.executable, "-m", "devbench", "run", "--method", "freq-mixstyle", "--source",
            "phone", "--benchmark", str(world.benchmark), "--data", str(world.data), "--store",
            str(world.store.folder), "--threads", "1", "--device", "cpu", *more]  # fmt: skip


@pytest.mark.usefixtures("with_workers")
def test_a_run_leaves_a_record_logits_and_weights_and_nothing_else(world: World) -> None:
    record = world.run("baseline")
    store = world.store
    assert store.get(record.run_id) == record
    assert store.logits(record).logits.shape == (18, 3)
    assert store.blob("checkpoints", record.models[0].weights_sha256)
    assert not store.work_folder(record.run_id).exists()
    assert [s.role for s in record.scores] == ["source", "target", "target"]
    assert len(record.models[0].history) == 4
    assert record.checks.max_difference is not None
    assert record.checks.max_difference < 1e-4


def test_a_record_says_what_the_method_adds(world: World) -> None:
    assert world.run("baseline").models[0].added_db is None
    added = world.run("filter-augment").models[0].added_db
    assert added is not None
    middle = added.quantiles.index(0.5)
    low, high = added.db[0], added.db[-1]
    assert all(a <= b <= c for a, b, c in zip(low, added.db[middle], high, strict=True))
    assert min(low) < -1 and max(high) > 1


def test_the_same_run_asked_for_twice_is_answered_from_the_store(world: World) -> None:
    first = world.run("baseline")
    heard = len(world.heard.phases)
    assert world.run("baseline") == first
    assert len(world.heard.phases) == heard


def test_equal_plans_give_equal_bytes_in_another_store(
    world: World, tiny_data: Path, tmp_path: Path
) -> None:
    here = world.run("freq-mixstyle")
    with with_workers():
        there = World.make(tmp_path, tiny_data).run("freq-mixstyle")
    assert here.reproducible() == there.reproducible()


def test_another_seed_gives_other_weights(world: World) -> None:
    one, two = world.run("freq-mixstyle"), world.run("freq-mixstyle", seed=1)
    assert one.run_id != two.run_id
    assert one.models[0].weights_sha256 != two.models[0].weights_sha256


def test_methods_with_one_seed_share_the_first_weights_and_the_order(world: World) -> None:
    # freq-mixstyle with probability 0 changes nothing: it must then equal the baseline
    idle = world.run("freq-mixstyle", settings=("probability=0",))
    assert idle.models[0].weights_sha256 == world.run("baseline").models[0].weights_sha256
    assert idle.plan.method.opened == ["probability"]


@pytest.mark.parametrize("method", ["rfn", "fr-shift-real", "fr-shift-synth", "ltas-shift"])
def test_every_kind_of_access_runs(world: World, method: str) -> None:
    assert world.run(method).plan.method.name == method


def test_a_waveform_method_trains_through_the_front_end(world: World) -> None:
    record = world.run_file(PLUGINS / "random_gain.py")
    assert record.plan.method.acts_on == "waveform"
    assert record.plan.method.is_file


def test_a_test_time_method_adapts_per_device_and_is_not_probed(world: World) -> None:
    record = world.run_file(PLUGINS / "centre_test.py")
    assert record.plan.method.track == "test-time"
    assert record.checks.independence == "not-applicable"


def test_per_target_trains_one_classifier_per_target(world: World) -> None:
    record = world.run_file(PLUGINS / "per_target.py")
    assert [model.target for model in record.models] == ["tablet", "watch"]
    assert len({model.weights_sha256 for model in record.models}) == 2
    assert [score.role for score in record.scores] == ["target", "target"]
    assert record.summary.source is None
    assert record.summary.mean_all is None


def test_force_computes_again_and_agrees(world: World) -> None:
    from devbench.running.pipeline import run

    before = world.run("baseline")
    finished = run(world.plan("baseline"), world.store, talk=world.heard, force=True)
    assert finished.is_new
    assert finished.record.reproducible() == before.reproducible()


def test_force_finds_what_is_not_reproducible(world: World) -> None:
    from devbench.running.pipeline import run

    planned = world.plan("time-seeded", plugin_file=PLUGINS / "time_seeded.py")
    run(planned, world.store, talk=world.heard)
    with pytest.raises(CheckError, match="another result this time"):
        run(planned, world.store, talk=world.heard, force=True)


def test_a_failing_method_names_itself_and_the_place(world: World) -> None:
    with pytest.raises(PluginError, match=r"ZeroDivisionError.*divides\.py:\d+"):
        world.run_file(PLUGINS / "divides.py")


def kill_once(world: World, after_s: float) -> bool:
    """Start the run, kill -9 it after a time; return whether it was killed before its end."""
    child = subprocess.Popen(
        command(world), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        child.wait(after_s)
    except subprocess.TimeoutExpired:
        os.kill(child.pid, signal.SIGKILL)  # only the coordinator: its workers must notice
        child.wait()
        return True
    return False


def test_a_killed_run_continues_to_the_same_bytes(
    world: World, tiny_data: Path, tmp_path: Path
) -> None:
    expected = world.run("freq-mixstyle").reproducible()
    rng = random.Random(7)
    other = World.make(tmp_path, tiny_data)
    for after_s in (1.0, 3.0, 5.0, rng.uniform(2, 9)):
        kill_once(other, after_s)
    subprocess.run(command(other), check=True, capture_output=True)
    (run_id,) = other.store.run_ids()
    assert other.store.get(run_id).reproducible() == expected


def test_checkpoints_are_used_and_a_damaged_one_is_passed_over(
    world: World, tiny_data: Path, tmp_path: Path
) -> None:
    other = World.make(tmp_path, tiny_data)
    plan = other.plan("freq-mixstyle")
    folder = other.store.work_folder(plan.plan.run_id) / "fit" / "out" / "checkpoints-0"
    child = subprocess.Popen(command(other), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(list(folder.glob("*.json"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.005)
        if child.poll() is not None:
            pytest.skip("the run was faster than this test")
    child.kill()
    child.wait()
    newest = max(folder.glob("*.safetensors"))
    data = bytearray(newest.read_bytes())
    data[len(data) // 2] ^= 1
    newest.write_bytes(bytes(data))
    record = other.run("freq-mixstyle")
    assert record.reproducible() == world.run("freq-mixstyle").reproducible()


def test_two_processes_that_ask_for_one_run_get_one_record(tiny_data: Path, tmp_path: Path) -> None:
    world = World.make(tmp_path, tiny_data)
    children = [
        subprocess.Popen(command(world, "--json"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    answers = [child.communicate(timeout=200)[0] for child in children]
    assert answers[0] == answers[1]
    assert len(Store(world.store.folder).run_ids()) == 1
    assert len(list((world.store.folder / "ledger").glob("*.json"))) == 1


def test_a_backbone_option_out_of_range_ends_at_the_plan(world: World) -> None:
    with pytest.raises(ConfigurationError, match="width"):
        world.plan("baseline", settings=("backbone.width=9999",))
    assert world.plan("baseline", settings=("backbone.width=8",)).plan.backbone.opened == ["width"]
