"""Stored runs and converters explained: what is kept, the same twice, and what is missing."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from devbench.contract.values import Clip
from devbench.errors import DataError, UsageError
from devbench.explaining.documents import Identity, Information, Protocol, place
from devbench.explaining.relevance import Relevance
from devbench.models import read_document
from devbench.results.record import Record
from devbench.running.collecting import paired_events
from devbench.running.explain import (
    identity_of_run,
    information_of_converter,
    information_of_run,
)
from devbench.running.features import FeatureCache, ensure_features
from devbench.running.relevance import Question, explain_relevance
from devbench.running.stored_run import open_run
from helpers.explained import asked_of
from helpers.in_process import without_workers
from helpers.runs import World

QUICK = Protocol(hidden=32, max_epochs=5, patience=2, seeds=[0, 1])
N_TEST = 15
CONVOLUTION = ["channel", "frequency", "time"]


@dataclass
class LongClips:
    """Features whose clips have so many frames."""

    n_frames: int

    def clips(self, clips: list[Clip]) -> list[NDArray[np.float32]]:
        return [np.zeros((self.n_frames, 0), np.float32)] * len(clips)


@pytest.fixture(scope="module")
def record(half_tested: World) -> Record:
    with without_workers():
        return half_tested.run("fr-shift-real")


def information(world: World, record: Record, target: str | None = None) -> Information:
    asked = asked_of(world, record)
    return information_of_run(asked, world.store, QUICK, target=target, talk=world.heard)


def identity(world: World, record: Record) -> Identity:
    asked = asked_of(world, record)
    return identity_of_run(asked, world.store, QUICK, target=None, talk=world.heard)


def relevance(world: World, record: Record) -> Relevance:
    question = Question(n_bands=4, fill=None, n_explained=2, command="devbench explain relevance")
    run = open_run(asked_of(world, record), world.store, talk=world.heard)
    return explain_relevance(run, question, talk=world.heard)


def test_information_is_kept_and_the_same_from_workers(half_tested: World, record: Record) -> None:
    world = half_tested
    found = information(world, record)
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
    assert not list((world.store.folder / "work").glob("convert-*"))
    by_workers = path.read_bytes()
    with without_workers():
        information(world, record)
    assert path.read_bytes() == by_workers


@pytest.mark.usefixtures("without_workers")
def test_identity_stands_beside_the_f1(half_tested: World, record: Record) -> None:
    found = identity(half_tested, record)
    path = half_tested.store.folder / "diagnosis" / record.run_id / "identity.json"
    assert read_document(path, Identity, schema=1) == found
    assert [seen.what for seen in found.seen] == ["recordings", "converted", "embedding"]
    assert found.notes == []
    assert found.mean_targets_f1 == record.summary.mean_targets
    converted = found.of("converted")
    assert converted is not None and converted.clips.devices == ["tablet", "watch"]


@pytest.mark.usefixtures("without_workers")
def test_a_method_that_converts_nothing_has_the_other_two(half_tested: World) -> None:
    found = identity(half_tested, half_tested.run("baseline"))
    assert [seen.what for seen in found.seen] == ["recordings", "embedding"]
    assert found.notes == ["converted: method 'baseline' converts no clips"]


@pytest.mark.usefixtures("without_workers")
def test_a_converter_without_a_network_has_its_output(half_tested: World) -> None:
    planned = half_tested.plan("fr-shift-real")
    found = information_of_converter(planned, half_tested.store, QUICK, talk=half_tested.heard)
    assert [layer.name for layer in found.layers] == ["output"]
    assert found.clips.devices == ["tablet", "watch"]
    assert place(found.network, "information", Path("s")).name == "information-phone.json"


@pytest.mark.usefixtures("without_workers")
def test_of_two_devices_the_rest_is_measured(tiny_data: Path, tmp_path: Path) -> None:
    world = World.make(
        tmp_path, tiny_data, devices='["phone", "tablet"]',
        convert="0.1", train="0.3", val="0.1", test="0.5", epochs="1",
    )  # fmt: skip
    planned = world.plan("fr-shift-real")
    with pytest.raises(DataError, match="'tablet': there is nothing to tell apart"):
        information_of_converter(planned, world.store, QUICK, talk=world.heard)
    found = identity(world, world.run("fr-shift-real"))
    assert [seen.what for seen in found.seen] == ["recordings", "embedding"]
    (note,) = found.notes
    assert note.startswith("converted: ") and "three devices" in note


@pytest.mark.usefixtures("without_workers")
def test_a_converter_that_is_not_trained_names_the_command(half_tested: World) -> None:
    """Of a one-to-one method, whose artifacts are one per pair."""
    planned = half_tested.plan("mc-200", fold=1, settings=("retrain=true",))
    with pytest.raises(DataError, match="not trained") as caught:
        information_of_converter(planned, half_tested.store, QUICK, talk=half_tested.heard)
    command = "devbench converter train --method mc-200 --source phone --benchmark FILE.toml"
    assert caught.value.fix == f"{command} --budget quick --fold 1 --set retrain=True"


def explains(world: World, backbone: str, **more: Any) -> tuple[Information, Identity, Relevance]:
    """Return all three answers, after what holds for every backbone."""
    record = world.run(backbone=backbone, **more)
    told, known, decides = (ask(world, record) for ask in (information, identity, relevance))
    assert told.layers[0].name == "input"
    assert told.layers[-1].name == "embedding" and len(told.layers) > 2
    assert known.of("embedding") is not None
    assert decides.warnings == []
    for device in decides.devices:
        assert sum(device.measures["gradient-input"].share) == pytest.approx(1, abs=1e-9)
    for entry in decides.missing:
        assert entry.part == "lrp" and entry.why.startswith("backbone:") and entry.fix
    assert ("lrp" in decides.devices[0].measures) == (not decides.missing)
    return told, known, decides


@pytest.mark.usefixtures("without_workers")
def test_a_transformer_answers_but_for_propagation(half_tested: World) -> None:
    small = ("backbone.width=32", "backbone.depth=1", "backbone.n_heads=2")
    told, known, decides = explains(half_tested, "ast", settings=small)
    assert [layer.name for layer in told.layers[1:3]] == ["patches", "blocks.layers.0"]
    assert known.of("recordings") is not None
    assert "cannot be traced" in decides.missing[0].why


@pytest.mark.usefixtures("without_workers")
def test_samples_answer_in_the_same_bands(half_tested: World) -> None:
    told, known, decides = explains(
        half_tested, "m5", frontend="waveform", settings=("backbone.width=0.1",)
    )
    assert [item.kind for item in told.layers[1].measured] == ["channel", "time"]
    assert known.of("recordings") is None and "gives no bins" in known.notes[0]
    assert (decides.domain, decides.settings.fill, decides.missing) == ("waveform", "band-stop", [])
    assert set(decides.devices[0].measures) == {"gradient-input", "lrp"}


@pytest.mark.usefixtures("without_workers")
def test_a_residual_backbone_answers_in_full(half_tested: World) -> None:
    told, _, decides = explains(half_tested, "cp-resnet", settings=("backbone.width=4",))
    assert [item.kind for item in told.layers[1].measured] == CONVOLUTION
    assert decides.missing == []


@pytest.mark.long
@pytest.mark.usefixtures("without_workers")
@pytest.mark.parametrize("backbone", ["resnet18", "resnet50", "bc-resnet", "mobilenet", "fcn4",
                                      "ast", "ast-mae", "ast-jepa"])  # fmt: skip
def test_every_shipped_backbone_answers_at_its_own_size(half_tested: World, backbone: str) -> None:
    """small-cnn, cp-resnet and m5 are above."""
    _, _, decides = explains(half_tested, backbone)
    assert (decides.missing == []) == (backbone in ("resnet18", "resnet50", "fcn4"))


@pytest.mark.usefixtures("without_workers")
def test_a_target_without_a_classifier_is_refused(half_tested: World, record: Record) -> None:
    with pytest.raises(UsageError, match="no classifier for 'watch'"):
        information(half_tested, record, "watch")


@pytest.mark.usefixtures("without_workers")
def test_unpaired_and_few_events_are_refused(half_tested: World) -> None:
    planned = half_tested.plan()
    features = ensure_features(
        planned, store=half_tested.store.folder, on_progress=lambda d, t: None
    )
    events = paired_events(planned, features)
    assert len(events) == N_TEST
    few = [c for c in planned.clips if c.device != "watch" or c.event_id not in events[:5]]
    with pytest.raises(DataError, match="10 test events that all 3 devices") as caught:
        paired_events(replace(planned, clips=tuple(few)), features)
    assert "event_id" in caught.value.fix
    none = [c for c in planned.clips if (c.device == "watch") == (c.event_id in events[:5])]
    with pytest.raises(DataError, match="no test event that all 3 devices"):
        paired_events(replace(planned, clips=tuple(none)), features)


@pytest.mark.usefixtures("without_workers")
@pytest.mark.parametrize(("n_windows", "n_kept"), [(70, 28), (600, 12), (7, 280)])
def test_a_large_corpus_is_cut_in_turn_from_each_source_recording(
    half_tested: World, n_windows: int, n_kept: int
) -> None:
    """20 events each of 14 recordings and 3 devices: of 6,000 windows, or one each of 12."""
    planned = half_tested.plan()
    clips = [
        replace(clip, event_id=f"{number:03d}", group=f"recording-{number // 20}")
        for clip in {clip.device: clip for clip in planned.clips}.values()
        for number in range(14 * 20)
    ]
    split_of = dict.fromkeys((clip.event_id for clip in clips), "test")
    crop = planned.benchmark.budgets[planned.plan.budget].crop_frames
    features = LongClips(n_windows * crop)
    large = replace(planned, clips=tuple(clips), split_of=split_of)
    events = paired_events(large, cast(FeatureCache, features))
    counts = Counter(int(event) // 20 for event in events)
    assert len(events) == n_kept
    assert len(counts) >= 12 and len(set(counts.values())) == 1
