from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from devbench.errors import CheckError, DataError, DevbenchError
from devbench.files import pretty_json, sha256_bytes
from devbench.results.logits import StoredLogits, read_logits, write_logits
from devbench.results.record import Plan, Record, parse_record
from devbench.results.store import Store
from devbench.results.verify import Verdict, Verifier, require_same_scores, require_well_formed
from helpers.records import MadeRun, make_run


def fresh(folder: Path, *runs: MadeRun) -> Store:
    store = Store(folder / "store")
    for run in runs:
        store.publish(run.record, run.logits, run.weights)
    return store


def verdict_of(store: Store, run: MadeRun, level: int = 1, **callables: Any) -> Verdict:
    return Verifier(store, **callables).verify([run.record.run_id], level=level)[0]


def same(store: Store) -> Any:
    return lambda record, stored: stored.logits


@pytest.mark.parametrize("per_target", [False, True])
def test_honest_runs_pass_every_level(tmp_path: Path, per_target: bool) -> None:
    runs = [make_run(seed=seed, per_target=per_target) for seed in range(20)]
    store = fresh(tmp_path, *runs)
    labels = {run.record.run_id: run.stored.labels() for run in runs}
    verifier = Verifier(
        store, expected=lambda record: labels[record.run_id], predict=lambda r, s: s.logits
    )
    for level in (0, 1, 2):
        verdicts = verifier.verify(store.run_ids(), level=level)
        assert all(v.is_passed and v.level == level and not v.reason for v in verdicts)
        assert {v.badge for v in verdicts} == {f"V{level}"}


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for key in value:
            yield from leaves(value[key], (*path, key))
    elif isinstance(value, list):
        yield path
        for index in range(len(value)):
            yield from leaves(value[index], (*path, index))
    else:
        yield path


def nudge(value: Any) -> Any:
    """Return a value near this one and of its type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value - 1e-6 if value > 0.5 else value + 1e-6
    if isinstance(value, str):
        return value[:-1] + ("0" if value[-1:] != "0" else "1")
    if isinstance(value, list):
        return value[::-1] if value[::-1] != value else [*value, *(value[:1] or ["x"])]
    return 0.25


def at(document: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        document = document[key]
    return document


def tampered(record: Record, path: tuple[Any, ...]) -> bytes:
    document = json.loads(record.to_json())
    where = at(document, path[:-1])
    where[path[-1]] = nudge(where[path[-1]])
    return pretty_json(document)


RUN = make_run()
PATHS = list(leaves(json.loads(RUN.record.to_json())))


def test_every_field_changed_in_turn_is_found(tmp_path: Path) -> None:
    store = fresh(tmp_path, RUN)
    path = store.record_path(RUN.record.run_id)
    assert len(PATHS) > 100
    for place in PATHS:
        path.write_bytes(tampered(RUN.record, place))
        verdict = verdict_of(store, RUN)
        assert not verdict.is_passed, place
        assert verdict.level == -1, place
        assert verdict.badge == "invalid"
    path.write_bytes(RUN.record.to_json())
    assert verdict_of(store, RUN).is_passed


FIGURES = [p for p in PATHS if p[0] in ("scores", "summary", "classes", "logits_sha256")]


@pytest.mark.parametrize("place", FIGURES, ids=str)
def test_changed_figures_are_found_without_any_ledger(place: tuple[Any, ...]) -> None:
    """What someone else's record says is held against its own logits alone."""
    with pytest.raises(DevbenchError):  # any of the steps may find it
        record = parse_record(tampered(RUN.record, place), origin="record")
        require_well_formed(record)
        require_same_scores(record, read_logits(RUN.logits, origin="logits"))
        if sha256_bytes(RUN.logits) != record.logits_sha256:
            raise CheckError("another hash", fix="")


def test_a_plan_of_another_track_than_its_needs_is_found() -> None:
    for run in (make_run(needs=["target-labels"], track="blind"), make_run(track="device-fr")):
        with pytest.raises(CheckError, match="track"):
            require_well_formed(run.record)
    with pytest.raises(CheckError, match="needs"):
        run = make_run()
        method = run.record.plan.method.model_copy(update={"needs": ["everything"]})
        plan = run.record.plan.model_copy(update={"method": method})
        require_well_formed(run.record.model_copy(update={"plan": plan}))


@pytest.mark.parametrize("per_target", [False, True])
def test_a_plan_without_targets_is_found(per_target: bool) -> None:
    document = json.loads(make_run(per_target=per_target).record.to_json())
    document["plan"]["targets"] = []
    document["scores"] = [s for s in document["scores"] if s["role"] == "source"]
    document["run_id"] = Plan.model_validate(document["plan"]).run_id
    with pytest.raises(DevbenchError, match="target"):
        require_well_formed(parse_record(pretty_json(document), origin="record"))


def with_confusion(change: Any) -> Record:
    document = json.loads(RUN.record.to_json())
    change(document["scores"][1])
    return parse_record(pretty_json(document), origin="record")


@pytest.mark.parametrize(
    "rows", [[], [[1]], [[-1, 1, 0]] * 3, [[1, 2, 3, 4]] * 3, [[10**30, 1, 1]] * 3]
)
def test_confusion_matrices_that_are_none_are_found(rows: Any) -> None:
    with pytest.raises(CheckError, match="no matrix"):
        require_well_formed(with_confusion(lambda score: score.update(confusion=rows)))


def test_a_confusion_matrix_of_nothing_is_found() -> None:
    with pytest.raises(CheckError, match="counts of clips"):
        require_well_formed(with_confusion(lambda s: s.update(confusion=[[0] * 3] * 3)))


def test_a_consistent_forgery_of_a_matrix_is_found_by_the_logits() -> None:
    """A better matrix with matching figures passes V0 of its own record, and fails V1."""
    from devbench.results.metrics import score_counts, summarise

    scores = list(RUN.record.scores)
    perfect = score_counts(
        device=scores[1].device, role="target", counts=np.eye(3, dtype=np.int64) * 3
    )
    scores[1] = perfect
    forged = RUN.record.model_copy(update={"scores": scores, "summary": summarise(scores)})
    require_well_formed(forged)
    with pytest.raises(CheckError, match=f"scores.{perfect.device}"):
        require_same_scores(forged, RUN.stored)


def test_every_flipped_bit_of_every_file_is_found(tmp_path: Path) -> None:
    store = fresh(tmp_path, RUN)
    (weights,) = RUN.weights
    (entry,) = (store.folder / "ledger").glob("*.json")
    paths = [
        store.record_path(RUN.record.run_id),
        store.blob_path("logits", RUN.record.logits_sha256),
        store.blob_path("checkpoints", weights),
        entry,
    ]
    rng = random.Random(7)
    for path in paths:
        whole = path.read_bytes()
        for _ in range(60):
            data = bytearray(whole)
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            path.write_bytes(bytes(data))
            assert not verdict_of(store, RUN, level=0).is_passed
        for data in (whole[:-1], whole[: len(whole) // 2], b"", whole + b" "):
            path.write_bytes(bytes(data))
            assert not verdict_of(store, RUN, level=0).is_passed
        path.write_bytes(whole)
    assert verdict_of(store, RUN, level=0).is_passed


def test_missing_files_are_found(tmp_path: Path) -> None:
    store = fresh(tmp_path, RUN)
    (weights,) = RUN.weights
    for path in (
        store.record_path(RUN.record.run_id),
        store.blob_path("logits", RUN.record.logits_sha256),
        store.blob_path("checkpoints", weights),
    ):
        whole = path.read_bytes()
        path.unlink()
        assert verdict_of(store, RUN).level == -1
        path.write_bytes(whole)


def test_swapped_logits_are_found(tmp_path: Path) -> None:
    other = make_run(seed=1)
    store = fresh(tmp_path, RUN, other)
    one = store.blob_path("logits", RUN.record.logits_sha256)
    two = store.blob_path("logits", other.record.logits_sha256)
    data = one.read_bytes(), two.read_bytes()
    one.write_bytes(data[1])
    two.write_bytes(data[0])
    assert [v.level for v in Verifier(store).verify(store.run_ids(), level=1)] == [-1, -1]
    with pytest.raises(CheckError):
        require_same_scores(RUN.record, other.stored)


def test_a_removed_ledger_entry_is_found(tmp_path: Path) -> None:
    runs = [make_run(seed=seed) for seed in range(3)]
    store = fresh(tmp_path, *runs)
    entries = sorted((store.folder / "ledger").glob("*.json"))
    last = entries[-1].read_bytes()
    entries[-1].unlink()  # the chain cannot see this; the record can
    assert verdict_of(store, runs[0]).is_passed
    assert "does not hold" in verdict_of(store, runs[2]).reason
    entries[-1].write_bytes(last)
    entries[0].unlink()
    assert all(v.level == -1 for v in Verifier(store).verify(store.run_ids(), level=0))


def test_the_ledger_is_walked_once_for_all_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten thousand runs times ten thousand entries took a minute and a half."""
    looked_at = 0

    class Counted(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            nonlocal looked_at
            looked_at += 1
            return str.__eq__(self, other)

        __hash__ = str.__hash__

    runs = [make_run(seed=seed) for seed in range(12)]
    store = fresh(tmp_path, *runs)
    entries = [e.model_copy(update={"run_id": Counted(e.run_id)}) for e in store.ledger.verify()]
    monkeypatch.setattr(store.ledger, "verify", lambda: entries)
    verdicts = Verifier(store).verify(store.run_ids(), level=0)
    assert all(verdict.is_passed for verdict in verdicts)
    assert looked_at <= 4 * len(runs)


def test_labels_of_another_corpus_are_found(tmp_path: Path) -> None:
    store = fresh(tmp_path, RUN)
    labels = RUN.stored.labels()
    key = next(iter(labels))
    for wrong in (
        labels | {key: "rain" if labels[key] != "rain" else "dog"},
        labels | {("iphone14", "event-999"): "dog"},
        {k: v for k, v in labels.items() if k != key},
    ):
        verdict = verdict_of(store, RUN, expected=lambda record, wrong=wrong: wrong)
        assert verdict.level == 0
        assert "labels" in verdict.reason
    assert verdict_of(store, RUN, expected=lambda record: labels).notes == ()
    assert "corpus" in verdict_of(store, RUN, expected=lambda record: None).notes[0]


def shifted(by: float, clips: int) -> Any:
    def predict(record: Record, stored: StoredLogits) -> NDArray[np.float32]:
        logits = stored.logits.copy()
        logits[:clips, 0] += np.float32(by)
        return logits

    return predict


@pytest.mark.parametrize(
    ("predict", "words"),
    [
        (lambda r, s: s.logits[:-1], "shape"),
        (lambda r, s: np.full_like(s.logits, np.nan), "finite"),
        (lambda r, s: s.logits + np.float32(2e-4), "apart"),
        (shifted(100, 3), "apart"),
    ],
)
def test_other_logits_from_the_weights_are_found(tmp_path: Path, predict: Any, words: str) -> None:
    store = fresh(tmp_path, RUN)
    verdict = verdict_of(store, RUN, level=2, predict=predict)
    assert verdict.level == 1
    assert words in verdict.reason


def test_weights_may_give_logits_that_differ_in_the_last_places(tmp_path: Path) -> None:
    store = fresh(tmp_path, RUN)
    assert verdict_of(store, RUN, level=2, predict=shifted(5e-5, 30)).is_passed
    assert "cannot be run" in verdict_of(store, RUN, level=2).reason


def test_equal_logits_of_two_classes_may_not_change_many_clips(tmp_path: Path) -> None:
    """Within the tolerance, but the class changes: more than one clip of a thousand is refused."""
    logits = RUN.stored.logits.copy()
    logits[:, 1] = logits[:, 0]
    lists = {name: getattr(RUN.stored, name) for name in ("devices", "classes", "events")}
    index = {name: getattr(RUN.stored, name) for name in ("label", "device", "event")}
    tied = StoredLogits(**lists, **index, logits=logits)
    from devbench.results.verify import require_same_logits

    nudged = logits.copy()
    nudged[:, 1] += np.float32(1e-5)
    with pytest.raises(CheckError, match="same class"):
        require_same_logits(tied, nudged)


@pytest.mark.parametrize(
    "models",
    [
        lambda models: [],
        lambda models: models * 2,
        lambda models: [models[0] | {"target": "lggram"}],
        lambda models: [models[0] | {"selected_epoch": 3}],
        lambda models: [models[0] | {"selected_epoch": 0}],
        lambda models: [models[0] | {"history": models[0]["history"][::-1]}],
    ],
)
def test_models_that_cannot_be_are_found(models: Any) -> None:
    document = copy.deepcopy(json.loads(RUN.record.to_json()))
    document["models"] = models(document["models"])
    with pytest.raises(CheckError, match="models"):
        require_well_formed(parse_record(pretty_json(document), origin="record"))


def test_a_record_with_values_that_are_no_json_is_refused() -> None:
    text = RUN.record.to_json().decode()
    for wrong, said in (("1e999", "measured"), ('"\\ud800"', "surrogate")):
        with pytest.raises(DataError, match=said):
            parse_record(text.replace("12.5", wrong).encode(), origin="record")


def test_rewritten_logits_are_the_same_bytes() -> None:
    assert write_logits(read_logits(RUN.logits, origin="logits")) == RUN.logits
