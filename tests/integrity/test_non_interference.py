"""What is held out cannot be felt: replaced by noise, it changes no byte of the weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from devbench.benchmark.load import load_benchmark
from devbench.benchmark.splits import assign
from devbench.corpora.manifest import open_corpus
from devbench.plugin_kit.tiny import make_corpus
from helpers.runs import World

pytestmark = pytest.mark.usefixtures("module_without_workers")


@pytest.fixture(scope="module")
def split_of(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    world = World.make(tmp_path_factory.mktemp("split"), tiny_data)
    clips = open_corpus(tiny_data / "tiny").clips
    return dict(assign(clips, load_benchmark(str(world.benchmark)).splits))


# What a method may see of the targets is kept; everything else of theirs is noise.
KEPT = {"freq-mixstyle": (), "rfn": (), "spectrum-match": ("convert",), "ideal": ("train",)}


@pytest.mark.parametrize("method", KEPT)
def test_weights_do_not_depend_on_what_is_held_out(
    method: str, tiny_data: Path, split_of: dict[str, str], tmp_path: Path
) -> None:
    def spoil(sound: np.ndarray, device: str, event: str) -> np.ndarray:
        is_source_learning = device == "phone" and split_of[event] in ("train", "val")
        if is_source_learning or split_of[event] in KEPT[method]:
            return sound
        return np.random.default_rng(int(event)).normal(0, 0.3, len(sound))

    make_corpus(tmp_path / "data" / "tiny", change=spoil)
    honest = World.make(tmp_path / "a", tiny_data).run(method)
    spoiled = World.make(tmp_path / "b", tmp_path / "data").run(method)
    assert [m.weights_sha256 for m in honest.models] == [m.weights_sha256 for m in spoiled.models]
    assert honest.logits_sha256 != spoiled.logits_sha256


def test_the_check_would_notice_a_difference(
    tiny_data: Path, split_of: dict[str, str], tmp_path: Path
) -> None:
    def spoil(sound: np.ndarray, device: str, event: str) -> np.ndarray:
        return sound * 0.5 if split_of[event] == "convert" and device == "watch" else sound

    make_corpus(tmp_path / "data" / "tiny", change=spoil)
    honest = World.make(tmp_path / "a", tiny_data).run("spectrum-match")
    changed = World.make(tmp_path / "b", tmp_path / "data").run("spectrum-match")
    assert honest.models[0].weights_sha256 != changed.models[0].weights_sha256
