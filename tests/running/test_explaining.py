"""A stored run explained: whole documents from the tiny corpus, and what is said when it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from devbench.errors import DataError, UsageError
from devbench.explaining.corpus_devices import estimate_devices, recordings_of
from devbench.explaining.impairments import IMPAIRMENTS
from devbench.explaining.relevance import Relevance, read_relevance
from devbench.explaining.shelf import keep
from devbench.results.commands import run_command
from devbench.results.expected import Expectation
from devbench.results.record import Record
from devbench.running.impairments import explain_losses
from devbench.running.relevance import Fill, Question, explain_relevance
from devbench.running.stored_run import StoredRun, ask_run, open_run
from helpers.explained import asked_of
from helpers.in_process import without_workers
from helpers.runs import World

World_ = tuple[World, Record]


@pytest.fixture(scope="module")
def told(half_tested: World) -> World_:
    with without_workers():
        return half_tested, half_tested.run()


def opened(told: World_) -> StoredRun:
    world, record = told
    return open_run(asked_of(world, record), world.store, talk=world.heard)


def asked(told: World_, fill: Fill | None = None) -> Relevance:
    question = Question(n_bands=4, fill=fill, n_explained=3, command="devbench explain relevance")
    return explain_relevance(opened(told), question, talk=told[0].heard)


def test_relevance_holds_the_record_and_shares_are_whole(told: World_) -> None:
    world, record = told
    found = asked(told)
    assert (found.missing, found.warnings) == ([], [])
    assert [d.macro_f1 for d in found.devices] == [score.macro_f1 for score in record.scores]
    for device in found.devices:
        assert set(device.measures) == {"gradient-input", "lrp"}
        assert all(-1 <= lost <= 1 for lost in device.f1_lost)
        for measure in device.measures.values():
            assert sum(measure.share) == pytest.approx(1, abs=1e-9)
            assert [sum(row) for row in measure.over_time] == pytest.approx(measure.share)
    path = keep(world.store, record.run_id, "relevance.json", found.to_json())
    assert path.parent.parent.name == "diagnosis"
    assert read_relevance(path) == found
    with without_workers():
        again = asked(told)
    assert again.model_copy(update={"measured": found.measured}) == found


@pytest.mark.usefixtures("without_workers")
def test_bands_can_be_stopped_in_the_sound(told: World_) -> None:
    found = asked(told, "band-stop")
    assert found.settings.fill == "band-stop"
    assert [d.macro_f1 for d in found.devices] == [s.macro_f1 for s in told[1].scores]


@pytest.mark.usefixtures("without_workers")
def test_what_has_no_rule_is_named_and_the_rest_is_made(told: World_) -> None:
    """A backbone with SiLU, and a method that adapts to each device: logits as in its record."""
    world, _ = told
    record = world.run("bn-adapt", backbone="bc-resnet")
    found = asked((world, record))
    assert [entry.part for entry in found.missing] == ["lrp"]
    assert "SubSpectralNorm" in found.missing[0].why
    assert found.warnings == []
    assert all(set(device.measures) == {"gradient-input"} for device in found.devices)


def test_losses_name_every_impairment(told: World_) -> None:
    world, record = told
    run = opened(told)
    clips = run.planned.corpus.clips
    heard = recordings_of(
        run.planned.corpus,
        clips,
        ["phone", "tablet", "watch"],
        n_events=30,
        on_progress=world.heard.progress,
    )
    estimates, _ = estimate_devices(heard, "phone", 8000)
    losses = explain_losses(run, estimates, talk=world.heard)
    assert [device.device for device in losses.devices] == ["tablet", "watch"]
    scores = {score.device: score.macro_f1 for score in record.scores}
    for device in losses.devices:
        assert set(device.by_impairment) == set(IMPAIRMENTS)
        assert device.source_f1 == scores["phone"]  # clips as they are give the record's score
        assert device.lost == scores["phone"] - scores[device.device]
    with without_workers():
        assert losses == explain_losses(run, estimates, talk=world.heard)


@pytest.mark.usefixtures("without_workers")
def test_a_damaged_document_is_refused(told: World_, tmp_path: Path) -> None:
    path = tmp_path / "relevance.json"
    path.write_bytes(asked(told).to_json().replace(b'"n_parts"', b'"n_shares"'))
    with pytest.raises(DataError, match="n_parts"):
        read_relevance(path)


def test_without_weights_it_is_said_where_they_come_from(told: World_) -> None:
    world, record = told
    path = world.store.blob_path("checkpoints", record.models[0].weights_sha256)
    hidden = path.with_suffix(".hidden")
    path.rename(hidden)
    try:
        with pytest.raises(DataError, match="no weights") as caught:
            opened(told)
    finally:
        hidden.rename(path)
    assert caught.value.fix.endswith(run_command([record.plan], "--force"))


def test_a_corpus_that_is_not_at_hand_is_named(told: World_) -> None:
    world, record = told
    nowhere = Expectation([], str(world.benchmark))
    with pytest.raises(DataError, match=r"tiny.*is not here"):
        ask_run(record, world.store, nowhere, device="cpu", threads=1)


@pytest.mark.usefixtures("without_workers")
def test_silence_is_no_fill_where_there_are_no_decibels(
    told: World_, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devbench.running.relevance.FITS", {})
    with pytest.raises(UsageError, match="--fill silence") as caught:
        asked(told, "silence")
    assert "band-stop" in caught.value.fix
