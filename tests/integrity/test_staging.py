"""What lies in the scratch folder of fit is what was declared, and nothing names the rest."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from devbench.running.features import ensure_features
from devbench.running.identity import information
from devbench.running.jobs import Wish
from devbench.running.stage import stage_artifact, stage_fit
from helpers.runs import World

EXPECTED = {
    "baseline": set(),
    "fr-shift-real": {"responses.json"},
    "spectrum-match": {"unpaired/phone", "unpaired/tablet", "unpaired/watch"},
    "ideal": {"labelled/phone", "labelled/tablet", "labelled/watch"},
}


def names(event_id: str, text: str) -> bool:
    """Return whether an event stands in text by itself, not as digits of a hash or a number."""
    return re.search(rf"(?<![.\w]){re.escape(event_id)}\b", text) is not None


@pytest.mark.parametrize("method", EXPECTED)
def test_the_stage_holds_only_what_was_declared(
    method: str, tiny_data: Path, tmp_path: Path
) -> None:
    world = World.make(tmp_path, tiny_data)
    planned = world.plan(method)
    features = ensure_features(planned, store=world.store.folder, on_progress=lambda d, t: None)
    scratch = tmp_path / "scratch"
    job = stage_fit(planned, features, scratch, artifacts=tmp_path / "artifacts")
    found = {str(p.parent.relative_to(scratch)) for p in scratch.rglob("data.npy")}
    found |= {p.name for p in scratch.glob("*.json")}
    assert found == EXPECTED[method] | {"train", "val"}
    has_labels = {str(p.parent.relative_to(scratch)) for p in scratch.rglob("labels.npy")}
    assert has_labels == {"train", "val"} | {n for n in found if n.startswith("labelled")}
    text = job.model_dump_json()
    assert str(tiny_data) not in text
    for clip in planned.clips:
        assert not names(clip.event_id, text)
        assert clip.sha256 not in text


def test_no_test_clip_is_staged_for_fit(tiny_data: Path, tmp_path: Path) -> None:
    world = World.make(tmp_path, tiny_data)
    for method in EXPECTED:
        planned = world.plan(method)
        features = ensure_features(planned, store=world.store.folder, on_progress=lambda d, t: None)
        scratch = tmp_path / method
        stage_fit(planned, features, scratch, artifacts=tmp_path / "artifacts")
        staged = [np.load(path) for path in scratch.rglob("data.npy")]
        for device in planned.benchmark.devices:
            for frames in features.clips(planned.clips_of("test", device)):
                probe = frames[3]
                assert not any(bool((data == probe).all(axis=1).any()) for data in staged)


WISH = Wish(
    name="x",
    config={},
    build="module:build",
    file="",
    code_sha256="c" * 64,
    devices=["tablet", "watch"],
    seed=0,
)
FOR_ARTIFACTS = {
    "baseline": set(),
    "fr-shift-real": {"responses.json"},
    "spectrum-match": {"unpaired/tablet", "unpaired/watch"},
    "ideal": set(),  # its labelled clips are for fit, not for what many runs share
}


@pytest.mark.parametrize("method", FOR_ARTIFACTS)
def test_an_artifact_is_made_from_nothing_labelled_and_knows_no_source(
    method: str, tiny_data: Path, tmp_path: Path
) -> None:
    world = World.make(tmp_path, tiny_data)
    planned = world.plan(method)
    features = ensure_features(planned, store=world.store.folder, on_progress=lambda d, t: None)
    scratch = tmp_path / "scratch"
    job = stage_artifact(planned, features, WISH, scratch)
    found = {str(p.parent.relative_to(scratch)) for p in scratch.rglob("data.npy")}
    found |= {p.name for p in scratch.glob("*.json")}
    assert found == FOR_ARTIFACTS[method]
    assert not list(scratch.rglob("labels.npy"))
    text = job.model_dump_json() + "".join(p.read_text() for p in scratch.glob("*.json"))
    assert str(tiny_data) not in text
    assert planned.plan.source not in text
    for clip in planned.clips:
        assert not names(clip.event_id, text)
        assert clip.sha256 not in text
    staged = [np.load(path) for path in scratch.rglob("data.npy")]
    for device in planned.benchmark.devices:
        for split in ("train", "val", "test"):
            for frames in features.clips(planned.clips_of(split, device)):
                assert not any(bool((data == frames[3]).all(axis=1).any()) for data in staged)


def orders(world: World, scratch: Path, *, as_artifact: bool) -> dict[str, list[str]]:
    """Return the events of what is staged of each device without labels, row by row."""
    planned = world.plan("spectrum-match")
    features = ensure_features(planned, store=world.store.folder, on_progress=lambda d, t: None)
    if as_artifact:
        stage_artifact(planned, features, WISH, scratch)
    else:
        stage_fit(planned, features, scratch, artifacts=scratch / "artifacts")
    found = {}
    for folder in sorted((scratch / "unpaired").iterdir()):
        clips = planned.clips_of("convert", folder.name)
        event_of = {
            frames.tobytes(): clip.event_id
            for clip, frames in zip(clips, features.clips(clips), strict=True)
        }
        data, spans = np.load(folder / "data.npy"), np.load(folder / "index.npy")
        found[folder.name] = [event_of[data[at : at + n].tobytes()] for at, n in spans]
    return found


@pytest.mark.parametrize("as_artifact", [False, True])
def test_shuffled_clips_tell_neither_their_pairs_nor_their_classes(
    as_artifact: bool, tiny_data: Path, tmp_path: Path
) -> None:
    plain = World.make(tmp_path / "plain", tiny_data)
    shuffled = World.make(tmp_path / "new", tiny_data, test='0.2\nconvert_order = "shuffled"')
    old = orders(plain, tmp_path / "a", as_artifact=as_artifact)
    new = orders(shuffled, tmp_path / "b", as_artifact=as_artifact)
    assert {device: sorted(events) for device, events in new.items()} == old  # nothing is lost
    assert len({tuple(events) for events in old.values()}) == 1  # what gives pairs away
    assert len({tuple(events) for events in new.values()}) == len(new)
    assert new == orders(shuffled, tmp_path / "c", as_artifact=as_artifact)


def test_what_is_learned_from_another_order_is_another_artifact(
    tiny_data: Path, tmp_path: Path
) -> None:
    plain = World.make(tmp_path / "plain", tiny_data)
    shuffled = World.make(tmp_path / "new", tiny_data, test='0.2\nconvert_order = "shuffled"')
    of = [information(world.plan("spectrum-match"), "method") for world in (plain, shuffled)]
    assert of[0].convert.keys() == of[1].convert.keys()
    assert all(of[0].convert[device] != of[1].convert[device] for device in of[0].convert)
