"""Conversion quality: a perfect converter has no error, and targets' test clips stay outside."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from devbench.contract.values import shift_db
from devbench.errors import DataError, PluginError, RunError, UnknownNameError, UsageError
from devbench.plugin_kit.tiny import make_corpus
from devbench.results.conversion import FR_SHIFT, FR_SHIFT_LEVEL, IDENTITY, REFERENCES, Conversion
from devbench.results.figures import Example
from devbench.running import conversion, converting
from devbench.running.conversion import (
    evaluate,
    evaluate_references,
    floor_of,
    plan_sources,
    reference_curves,
    shared_events,
    typical_event,
)
from devbench.running.features import ensure_features
from devbench.running.plan import Planned, Request
from helpers.runs import World

pytestmark = pytest.mark.usefixtures("module_without_workers")

CONVERTERS = Path(__file__).parent / "converters"
FACTOR = {"phone": 1, "tablet": 2, "watch": 4}
STEP_DB = 20 * np.log10(2)


def in_steps(heard: Any, device: str, event: str) -> Any:
    """Return noise whose samples are whole 16-bit numbers on every device: levels alone differ."""
    whole = np.rint(np.random.default_rng(int(event)).normal(0, 1500, 4000))
    return np.clip(whole, -8000, 8000) / 32767 * FACTOR[device]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Return a world whose devices differ in level alone: 0, +6 and +12 dB."""
    data = tmp_path_factory.mktemp("levels")
    make_corpus(data / "tiny", change=in_steps)
    return World.make(tmp_path_factory.mktemp("world"), data)


def plans(
    world: World, *names: str, sources: Sequence[str] = ("phone",), **more: Any
) -> dict[str, dict[str, Planned]]:
    found = {}
    for name in names:
        request = Request(
            method=name.replace("_", "-"),
            source=sources[0],
            benchmark=str(world.benchmark),
            plugin_file=CONVERTERS / f"{name}.py",
            threads=1,
            device="cpu",
            **more,
        )
        found[request.method] = plan_sources(
            request, sources, data=world.data, store=world.store.folder, talk=world.heard
        )
    return found


def evaluated(
    world: World, *names: str, targets: Sequence[str] = ("tablet", "watch"), **more: Any
) -> tuple[Conversion, dict[str, list[Example]]]:
    made = plans(world, *names, **more)
    return evaluate(made, world.store, targets=targets, split="test", talk=world.heard)


def test_a_perfect_converter_has_no_error(world: World) -> None:
    found, examples = evaluated(
        world, "louder", sources=("phone", "watch"), targets=("phone", "tablet", "watch")
    )
    rows = {row.name: row for row in found.rows}
    assert list(rows) == [*REFERENCES, "louder"]
    pairs = [(p.source, p.target, p.n_clips) for p in rows["louder"].pairs]
    assert pairs == [
        ("phone", "tablet", 6), ("phone", "watch", 6), ("watch", "phone", 6),
        ("watch", "tablet", 6),
    ]  # fmt: skip
    assert rows["louder"].mean_abs_db < 1e-4  # float32 decibels of a spectrum at another level
    assert rows["louder"].rms_db < 1e-3
    steps = [pair.mean_abs_db for pair in rows[IDENTITY].pairs]
    assert np.allclose(steps, [STEP_DB, 2 * STEP_DB, 2 * STEP_DB, STEP_DB], atol=1e-4)
    assert rows["band-mean"].mean_abs_db < 1e-3
    assert rows["louder"].method is not None and rows["louder"].method.per_target
    assert rows[IDENTITY].method is None
    assert found.ratio_to_fr_shift(rows[FR_SHIFT]) == 1.0
    assert [(e.source, e.target) for e in examples["louder"]] == [
        ("phone", "tablet"), ("phone", "watch"),
    ]  # fmt: skip
    for example in examples["louder"]:
        assert np.allclose(example.converted_db, example.real_db, atol=1e-3)
        assert example.error.mean_abs_db < 1e-4
    assert not list((world.store.folder / "work").glob("convert-*"))


def test_the_worker_never_sees_a_test_clip_of_a_target(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bytes] = []

    class Seen(Exception):
        pass

    def look(task: str, job: Any, *, scratch: Path, **more: Any) -> None:
        files = [path for path in scratch.rglob("*") if path.is_file()]
        seen.extend(path.read_bytes() for path in files)
        seen.append(str(job([])).encode())
        raise Seen

    monkeypatch.setattr(converting, "run_with_artifacts", look)
    for name in ("spectrum-match", "fr-shift-real"):
        planned = world.plan(name)
        features = ensure_features(planned, store=world.store.folder, on_progress=lambda d, t: None)
        with pytest.raises(Seen):
            conversion.evaluate_conversion(
                planned, features, targets=["tablet"], store=world.store, talk=world.heard
            )
        staged = b"".join(seen)
        for device, is_there in (("phone", True), ("tablet", False), ("watch", False)):
            for clip, frames in zip(
                planned.clips_of("test", device),
                features.clips(planned.clips_of("test", device)),
                strict=True,
            ):
                assert (frames[3].tobytes() in staged) == is_there
                assert clip.event_id.encode() not in staged
        seen.clear()


@pytest.mark.usefixtures("with_workers")
def test_a_converter_that_looks_around_is_named(world: World) -> None:
    with pytest.raises(PluginError, match=r"'looks-around'.*outside what was staged"):
        evaluated(world, "looks_around")
    assert not list((world.store.folder / "work").glob("convert-*"))


def test_names_and_pairs_are_checked(world: World) -> None:
    with pytest.raises(UnknownNameError, match="no device"):
        plans(world, "same", sources=("phone", "tablex"))
    with pytest.raises(UsageError, match="no target is left"):
        evaluated(world, "same", targets=["phone"])


def test_references_are_the_closed_forms(world: World) -> None:
    planned = world.plan()
    features = ensure_features(planned, store=world.store.folder, on_progress=lambda d, t: None)
    shifts = reference_curves(planned, features, ["watch"], FR_SHIFT)
    own, other = (planned.corpus.response(device) for device in ("phone", "watch"))
    assert own is not None and other is not None and shifts is not None
    expected = shift_db(own, other, np.array(features.bin_hz))
    assert np.array_equal(shifts["watch"], expected)
    pairs = evaluate_references(planned, features, targets=["watch"], split="val")
    (levelled,) = pairs[FR_SHIFT_LEVEL] or []
    shape_db = expected - expected.mean() + 2 * STEP_DB
    assert np.allclose(levelled.band_mean_abs_db, np.abs(shape_db - 2 * STEP_DB), atol=1e-3)
    (pair,) = pairs[FR_SHIFT] or []
    error_db = np.abs(expected - 2 * STEP_DB)  # devices differ in level, responses say otherwise
    assert np.allclose(pair.band_mean_abs_db, error_db, atol=1e-3)
    assert pair.n_clips == len(planned.clips_of("val", "phone"))


def test_no_conversion_is_the_row_identity_and_no_responses_no_row_fr_shift(
    tmp_path: Path,
) -> None:
    make_corpus(tmp_path / "data" / "tiny", change=in_steps, with_responses=False)
    world = World.make(tmp_path, tmp_path / "data")
    found, examples = evaluated(world, "same", targets=["tablet"])
    assert [row.name for row in found.rows] == ["identity", "band-mean", "same"]
    assert found.rows[2].pairs == found.rows[0].pairs
    assert found.missing == [FR_SHIFT, FR_SHIFT_LEVEL]
    assert found.ratio_to_fr_shift(found.rows[0]) is None
    assert examples["same"][0].difference == "band-mean"


def test_only_events_that_both_recorded_count(world: World) -> None:
    planned = world.plan()
    events = [own.event_id for own, _ in shared_events(planned, "tablet", "test")]
    assert all(own.event_id == other.event_id and other.device == "tablet"
               for own, other in shared_events(planned, "tablet", "test"))  # fmt: skip
    kept = tuple(c for c in planned.clips if c.device != "tablet" or c.event_id == events[0])
    fewer = Planned(
        planned.plan, planned.benchmark, planned.refs, planned.corpus, kept, planned.split_of
    )
    assert [own.event_id for own, _ in shared_events(fewer, "tablet", "test")] == events[:1]
    features = ensure_features(planned, store=world.store.folder, on_progress=lambda d, t: None)
    assert typical_event(fewer, features, ["tablet", "watch"], "test") == events[0]
    high = planned.benchmark.features.model_copy(update={"floor_db": 500.0})
    benchmark = planned.benchmark.model_copy(update={"features": high})
    raised = replace(planned, benchmark=benchmark)
    everything = floor_of(raised, features)
    nothing = floor_of(raised, replace(features, scale="compressed"))
    assert (everything, nothing) == (500.0, -math.inf)
    found = [typical_event(raised, replace(features, scale=scale), ["tablet", "watch"], "test")
             for scale in ("db", "compressed")]  # fmt: skip
    assert found[1] == typical_event(planned, features, ["tablet", "watch"], "test") != found[0]
    with pytest.raises(DataError, match="recorded no event"):
        shared_events(fewer, "tablet", "val")


def test_what_a_worker_wrote_is_checked(tmp_path: Path) -> None:
    frames = np.zeros((5, 4), np.float32)
    converting.save_clips(tmp_path, [frames[:2], frames[2:]], None)
    assert [len(clip) for clip in converting.read_frames(tmp_path, [2, 3], 4)] == [2, 3]
    faults: Mapping[str, Any] = {
        "expected": frames[:4],
        "float64,": frames.astype(np.float64),
        "NaN": np.full_like(frames, np.nan),
    }
    for words, data in faults.items():
        np.save(tmp_path / "data.npy", data)
        with pytest.raises(RunError, match=words):
            converting.read_frames(tmp_path, [2, 3], 4)
    (tmp_path / "data.npy").write_bytes(b"x")
    with pytest.raises(RunError, match="cannot be read"):
        converting.read_frames(tmp_path, [2, 3], 4)


def test_scratch_of_a_killed_process_is_swept(world: World) -> None:
    world.store.prepare()
    work = world.store.folder / "work"
    dead, alive = work / "convert-999999999-ab", work / "convert-1-cd"
    for folder in (dead, alive):
        folder.mkdir()
    with converting.scratch_folder(world.store) as scratch:
        assert not dead.exists() and alive.exists()
        scratch.mkdir()
    assert not scratch.exists()
    alive.rmdir()
