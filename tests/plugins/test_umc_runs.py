"""Unified conversion in whole runs on the tiny corpus, and what it says of data it cannot use."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from devbench.audio.responses import write_response
from devbench.contract.values import FrequencyResponse
from devbench.corpora.manifest import open_corpus, response_path, write_corpus
from devbench.errors import EXIT_DATA, ConfigurationError, DataError
from devbench.plugin_kit.tiny import make_corpus
from devbench.running.artifacts import shelf_of
from devbench.running.preparing import prepare
from helpers.runs import World

pytestmark = pytest.mark.usefixtures("module_without_workers")


@pytest.fixture(scope="module")
def world(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    return World.make(tmp_path_factory.mktemp("umc"), tiny_data)


def artifacts(world: World) -> list[Path]:
    return sorted(world.store.folder.glob("artifacts/*/artifact.json"))


def test_one_converter_serves_sources_seeds_and_forms_of_use(world: World) -> None:
    first = world.run("umc-real")
    (use,) = first.models[0].artifacts
    assert use.name == "umc"
    assert use.origin == "built"
    assert use.devices == ["phone", "tablet", "watch"]
    assert not use.config["skip"]
    for record in (
        world.run("umc-synth", "watch"),
        world.run("umc-half-real", "tablet", seed=1),
    ):
        assert [u.sha256 for u in record.models[0].artifacts] == [use.sha256]
    assert len(artifacts(world)) == 1


def test_the_unseen_target_is_not_among_the_converters_devices(world: World) -> None:
    found = prepare(world.plan("umc-unseen-real"), world.store, talk=world.heard)
    assert [item.use.devices for item in found] == [["phone", "watch"], ["phone", "tablet"]]


def changed_data(folder: Path, device: str, response: FrequencyResponse) -> Path:
    """Return a data folder in which one device has another response."""
    make_corpus(folder / "tiny")
    write_response(response_path(folder / "tiny", device), response)
    corpus = open_corpus(folder / "tiny")
    write_corpus(folder / "tiny", corpus.header, list(corpus.clips))
    return folder


def test_a_response_on_a_grid_that_ends_too_low_is_named(tmp_path: Path) -> None:
    low = FrequencyResponse(np.geomspace(50, 1000, 128), np.zeros(128), "simulated")
    data = changed_data(tmp_path / "data", "watch", low)
    world = World.make(tmp_path / "world", data)
    with pytest.raises(DataError, match=r"response of 'watch' .* 50 to 1000 Hz") as caught:
        world.run("umc-real")
    assert caught.value.exit_code == EXIT_DATA
    assert "measure it" in caught.value.fix
    assert not artifacts(world)


def test_a_corpus_without_responses_or_a_split_without_clips_is_refused(
    tmp_path: Path,
) -> None:
    make_corpus(tmp_path / "data" / "tiny", with_responses=False)
    world = World.make(tmp_path / "one", tmp_path / "data")
    with pytest.raises(DataError, match="no frequency response of 'phone'"):
        world.plan("umc-real")
    with pytest.raises(
        ConfigurationError, match=r"splits\.convert"
    ):  # nor can a benchmark have none
        World.make(tmp_path / "two", tmp_path / "data", convert="0.0", train="0.7").plan("umc-real")


def test_few_convert_clips_are_refused_before_anything_is_trained(tmp_path: Path) -> None:
    make_corpus(tmp_path / "data" / "tiny")
    few = World.make(tmp_path / "few", tmp_path / "data", convert="0.1", train="0.6")
    with pytest.raises(DataError, match="has 3 unlabelled clips; a converter needs 4"):
        few.run("umc-real")
    assert not artifacts(few)


def test_a_damaged_converter_is_named_with_the_way_out(world: World) -> None:
    (use,) = world.run("umc-real").models[0].artifacts
    weights = shelf_of(world.store).place(use.key) / "weights.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:1000])
    try:
        with pytest.raises(DataError, match=r"weights\.safetensors") as caught:
            world.run("umc-real", seed=5)
        assert "--retrain" in caught.value.fix
    finally:
        weights.write_bytes(whole)
    assert world.run("umc-real", seed=5).models[0].artifacts == [use]
