"""Sounds of the report: real clips as they lie in the corpus, converted ones by the method."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from devbench.errors import CheckError, DataError
from devbench.plugin_kit.tiny import make_corpus
from devbench.reports import hearing
from devbench.reports.hearing import Heard, hear
from devbench.reports.shown import MAX_BYTES, heard_view
from devbench.results.expected import Expectation
from devbench.results.record import Record
from devbench.running.plan import Planned
from helpers.in_process import without_workers
from helpers.records import make_run
from helpers.runs import Heard as Talk
from helpers.runs import World

RATE_HZ = 8000
"""Of the tiny corpus."""


@dataclass
class Case:
    world: World
    expectation: Expectation
    planned: Planned
    record: Record

    def hear(self, record: Record | None = None) -> Heard:
        return hear(record or self.record, self.world.store, self.expectation, Talk())


def case_of(world: World, method: str, **more: Any) -> Case:
    """Return a record of a run that was planned and never trained: nothing here needs weights."""
    planned = world.plan(method, **more)
    plan = planned.plan
    made = make_run(source=plan.source, devices=(plan.source, *plan.targets))
    record = made.record.model_copy(update={"plan": plan, "run_id": plan.run_id})
    world.store.publish(record, made.logits, made.weights)
    folders = [world.data / "tiny"]
    return Case(world, Expectation(folders, str(world.benchmark)), planned, record)


@pytest.fixture(scope="module")
def world(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    return World.make(tmp_path_factory.mktemp("heard"), tiny_data)


@pytest.fixture(scope="module")
def shifted(world: World) -> Case:
    with without_workers():
        return case_of(world, "fr-shift-real")


@pytest.fixture(scope="module")
def heard(shifted: Case) -> Heard:
    with without_workers():
        return shifted.hear()


def sound(flac: bytes) -> np.ndarray:
    samples, rate_hz = soundfile.read(io.BytesIO(flac))
    assert rate_hz == RATE_HZ
    return samples


def test_all_hear_the_same_event(shifted: Case, heard: Heard) -> None:
    planned = shifted.planned
    assert heard.why_not == "" and {p.target for p in heard.pairs} == set(planned.plan.targets)
    scores = {s.device: s.macro_f1 for s in shifted.record.scores}
    order = [scores[pair.target] for pair in heard.pairs]
    assert order == sorted(order), "the worst target first"
    for take in (heard.source, *(pair.real for pair in heard.pairs)):
        (clip,) = [c for c in planned.clips_of("test", take.device) if c.event_id == heard.event_id]
        own, _ = soundfile.read(planned.corpus.folder / clip.path)
        heard_now = sound(take.flac)
        assert len(heard_now) == len(own) or len(heard_now) == round(hearing.MAX_S * RATE_HZ)
        assert np.max(np.abs(heard_now - own[: len(heard_now)])) < 2 / 32767  # rounded once more


def test_a_converted_sound_differs_and_its_spectrogram_is_nearer(heard: Heard) -> None:
    errors = [(p.error_db, p.converted_error_db) for p in heard.pairs]
    assert all(error is not None for _, error in errors)
    assert np.mean([after or 0.0 for _, after in errors]) < np.mean([e for e, _ in errors])
    for pair in heard.pairs:
        assert pair.converted is not None
        assert pair.converted.frames.shape == heard.source.frames.shape
        assert not np.array_equal(sound(pair.converted.flac), sound(heard.source.flac))


def test_the_section_fits_and_says_what_it_shows(heard: Heard) -> None:
    view = heard_view(heard)
    assert view.n_bytes <= MAX_BYTES
    shown = [view.source, *(one for pair in view.pairs for one in pair.recordings)]
    assert all(one.picture.startswith("data:image/png;base64,") for one in shown)
    assert all(one.sound.startswith("data:audio/flac;base64,") for one in shown)
    assert len(view.table.rows) == len(shown)
    assert all(one.x_ticks and one.y_ticks and heard.label in view.label for one in shown)


def test_sounds_that_have_no_room_are_named(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    from devbench.reports import shown

    monkeypatch.setattr(shown, "MAX_BYTES", 30_000)
    view = heard_view(heard)
    silent = [one for pair in view.pairs for one in pair.recordings if not one.sound]
    assert silent and sum("too big" in note for note in view.notes) >= len(silent)


@pytest.mark.usefixtures("without_workers")
def test_a_method_that_converts_nothing_shows_the_rest_and_says_why(world: World) -> None:
    heard = case_of(world, "baseline").hear()
    assert "changes no clip" in heard.why_not
    assert heard.pairs and all(pair.converted is None for pair in heard.pairs)
    layers = case_of(world, "rfn").hear()
    assert "converts no clips" in layers.why_not


@pytest.mark.usefixtures("without_workers")
def test_a_converter_that_is_not_there_is_not_trained(world: World) -> None:
    heard = case_of(world, "umc-real").hear()
    assert "devbench converter train" in heard.why_not
    assert not any((world.store.folder / "artifacts").glob("*"))


@pytest.mark.usefixtures("without_workers")
def test_only_decibels_are_played_as_gains(world: World) -> None:
    heard = case_of(world, "transport-match", frontend="pcen").hear()
    assert "compressed by its own past" in heard.why_not and not heard.is_db
    assert heard.pairs and all(pair.converted is None for pair in heard.pairs)
    assert heard_view(heard).unit == "value"
    settings = ("frontend.n_coefficients=20",)
    with pytest.raises(CheckError, match="'mfcc' gives no spectrogram but cepstral"):
        case_of(world, "transport-match", frontend="mfcc", settings=settings).hear()


def test_what_is_not_at_hand_is_named(shifted: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="corpus"):
        hear(shifted.record, shifted.world.store, Expectation([], str(shifted.world.benchmark)),
             Talk())  # fmt: skip
    with pytest.raises(DataError, match="benchmark"):
        hear(shifted.record, shifted.world.store, Expectation([]), Talk())

    of_file = shifted.record.plan.method.model_copy(update={"is_file": True})
    plan = shifted.record.plan.model_copy(update={"method": of_file})
    with pytest.raises(DataError, match="from a file") as caught:
        shifted.hear(shifted.record.model_copy(update={"plan": plan}))
    assert "plugin new" in caught.value.fix and "--level" not in caught.value.fix

    def none_shared(*_: object) -> list[object]:
        raise DataError("no event of both", fix="choose another")

    monkeypatch.setattr(hearing, "shared_events", none_shared)
    with pytest.raises(DataError, match="no test event"):
        shifted.hear()


@pytest.mark.usefixtures("without_workers")
def test_a_target_that_stops_before_the_source_is_loudest_is_heard_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearing, "MAX_S", 0.1)

    def early_or_late(sound: np.ndarray, device: str, _: str) -> np.ndarray:
        if device == "tablet":
            return sound[:2000]
        return sound * np.where(np.arange(len(sound)) < 3000, 0.1, 1.0)

    make_corpus(tmp_path / "data" / "tiny", change=early_or_late)
    heard = case_of(World.make(tmp_path, tmp_path / "data"), "fr-shift-real").hear()
    takes = [heard.source, *(take for p in heard.pairs for take in (p.real, p.converted) if take)]
    assert len(takes) == 5
    lengths = {len(sound(take.flac)) for take in takes}
    assert lengths == {len(takes[0].frames) * 128}, "all hear the same part, whole"
    assert heard.start_s + 0.1 <= 2000 / RATE_HZ + 128 / RATE_HZ


def test_the_loudest_part_is_cut_out() -> None:
    sound = np.zeros(1000)
    sound[700:720] = 1.0
    start = hearing._loudest(sound, 100)
    assert start <= 700 and start + 100 >= 720
    assert hearing._loudest(sound[:50], 100) == 0
