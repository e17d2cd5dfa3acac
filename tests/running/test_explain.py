"""Stored runs and converters explained: what is kept, the same twice, and what is missing."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from devbench.errors import DataError, UsageError
from devbench.explaining.documents import Identity, Information, Protocol, place
from devbench.models import read_document
from devbench.results.expected import Expectation
from devbench.results.record import Record
from devbench.running.collecting import paired_events
from devbench.running.explain import (
    Asked,
    ask_run,
    identity_of_run,
    information_of_converter,
    information_of_run,
)
from devbench.running.features import ensure_features
from helpers.runs import World

QUICK = Protocol(hidden=32, max_epochs=5, patience=2, seeds=[0, 1])
N_TEST = 15


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, tiny_data: Path) -> World:
    """Return a world whose benchmark tests half of the 30 events."""
    return World.make(
        tmp_path_factory.mktemp("explain"), tiny_data,
        convert="0.1", train="0.3", val="0.1", test="0.5", epochs="1",
    )  # fmt: skip


@pytest.fixture(scope="module")
def record(world: World) -> Record:
    return world.run("fr-shift-real")


def ask(world: World, record: Record, target: str | None = None) -> Asked:
    expectation = Expectation([world.data / "tiny"], str(world.benchmark))
    return ask_run(record, world.store, expectation, target=target, device="cpu")


def test_information_is_kept_and_the_same_twice(world: World, record: Record) -> None:
    found = information_of_run(ask(world, record), world.store, QUICK, talk=world.heard)
    path = world.store.folder / "diagnosis" / record.run_id / "information.json"
    assert path == place(found.network, "information", world.store.folder)
    assert read_document(path, Information, schema=1) == found
    names = [layer.name for layer in found.layers]
    assert names == ["input", "block1", "block2", "block3", "block4", "embedding"]
    assert found.layers[0].shape == [1, 24, 16]
    assert [item.n_features for item in found.layers[0].measured] == [2, 48, 32]
    assert [item.kind for item in found.layers[-1].measured] == ["channel"]
    clips = found.clips
    assert clips.devices == ["phone", "tablet", "watch"]
    assert (clips.n_events, clips.n_groups) == (N_TEST, N_TEST)
    assert clips.n_windows % (3 * N_TEST) == 0
    assert clips.entropy_nats == pytest.approx(math.log(3))
    before = path.read_bytes()
    information_of_run(ask(world, record), world.store, QUICK, talk=world.heard)
    assert path.read_bytes() == before
    assert not list((world.store.folder / "work").glob("convert-*"))


def test_identity_stands_beside_the_f1(world: World, record: Record) -> None:
    found = identity_of_run(ask(world, record), world.store, QUICK, talk=world.heard)
    path = world.store.folder / "diagnosis" / record.run_id / "identity.json"
    assert read_document(path, Identity, schema=1) == found
    assert [seen.what for seen in found.seen] == ["recordings", "converted", "embedding"]
    assert found.notes == []
    assert found.mean_targets_f1 == record.summary.mean_targets
    converted = found.of("converted")
    assert converted is not None and converted.clips.devices == ["tablet", "watch"]


def test_a_method_that_converts_nothing_has_the_other_two(world: World) -> None:
    found = identity_of_run(ask(world, world.run("baseline")), world.store, QUICK, talk=world.heard)
    assert [seen.what for seen in found.seen] == ["recordings", "embedding"]
    assert found.notes == ["converted: method 'baseline' converts no clips"]


def test_a_converter_without_a_network_has_its_output(world: World) -> None:
    planned = world.plan("fr-shift-real")
    found = information_of_converter(planned, world.store, QUICK, talk=world.heard)
    assert [layer.name for layer in found.layers] == ["output"]
    assert found.clips.devices == ["tablet", "watch"]
    assert place(found.network, "information", Path("s")).name == "information-phone.json"


def test_a_run_without_weights_says_how_to_get_them(world: World, record: Record) -> None:
    path = world.store.blob_path("checkpoints", record.models[0].weights_sha256)
    data = path.read_bytes()
    path.unlink()
    try:
        with pytest.raises(DataError, match="no weights") as caught:
            ask(world, record)
    finally:
        path.write_bytes(data)
    assert "devbench run --method fr-shift-real --source phone" in caught.value.fix


def test_a_target_without_a_classifier_is_refused(world: World, record: Record) -> None:
    with pytest.raises(UsageError, match="no classifier for 'watch'"):
        ask(world, record, "watch")


def test_unpaired_and_few_events_are_refused(world: World) -> None:
    planned = world.plan()
    features = ensure_features(planned, store=world.store.folder, on_progress=lambda d, t: None)
    events = paired_events(planned, features)
    assert len(events) == N_TEST
    few = [c for c in planned.clips if c.device != "watch" or c.event_id not in events[:5]]
    with pytest.raises(DataError, match="10 test events that all 3 devices") as caught:
        paired_events(replace(planned, clips=tuple(few)), features)
    assert "event_id" in caught.value.fix
    none = [c for c in planned.clips if (c.device == "watch") == (c.event_id in events[:5])]
    with pytest.raises(DataError, match="no test event that all 3 devices"):
        paired_events(replace(planned, clips=tuple(none)), features)
