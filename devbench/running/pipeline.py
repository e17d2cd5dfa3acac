"""One run: plan, stage, fit, predict, score, record, notify. Data flows one way.

Each phase leaves a file when it is done; the same command typed again continues at the first phase
that has none, and within fit at the last checkpoint. Two processes that ask for one run: one works,
the other waits and gets the same record.
"""

from __future__ import annotations

import contextlib
import platform
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from devbench.errors import (
    CheckError,
    DataError,
    DevbenchError,
    PluginError,
    RunError,
    UnknownNameError,
)
from devbench.files import canonical_json, pretty_json, publish, read_json, sha256_bytes
from devbench.results.logits import write_logits
from devbench.results.metrics import summarise
from devbench.results.record import AddedLevel, ArtifactUse, Checks, Epoch, Model, Record
from devbench.results.store import Store
from devbench.running.artifacts import run_with_artifacts, shelf_of
from devbench.running.corpus import find_corpus
from devbench.running.features import FeatureCache, ensure_features
from devbench.running.guard import refuse_violation
from devbench.running.hardware import cpu_model, gpu_names
from devbench.running.observe import Observers
from devbench.running.plan import Planned, Request, check, finish
from devbench.running.predict import Predicted, predict
from devbench.running.score import label_logits
from devbench.running.stage import stage_fit


class Talk(Protocol):
    """How a run tells what it does; the command line shows it, tests collect it."""

    def phase(self, name: str) -> None:
        """Say that a phase begins."""
        ...

    def progress(self, done: int, total: int) -> None:
        """Say how far the phase is."""
        ...

    def epoch(self, report: Mapping[str, Any]) -> None:
        """Tell the source numbers of an epoch."""
        ...

    def artifact(self, report: Mapping[str, Any]) -> None:
        """Tell how far the build of an artifact is, and its losses."""
        ...

    def warn(self, words: str) -> None:
        """Tell what went wrong without stopping the run."""
        ...


@dataclass(frozen=True, slots=True)
class Finished:
    """A record, and whether it was computed now (or answered from the store)."""

    record: Record
    is_new: bool


def plan_run(request: Request, *, data: Path | None, store: Path, talk: Talk) -> Planned:
    """Return the plan of a request; a corpus that code makes is made now if it is not there."""
    checked = check(request, data=data)
    corpus = find_corpus(
        checked.benchmark.corpus, data=data, store=store, on_progress=_making(talk)
    )
    return finish(checked, corpus)


def _making(talk: Talk) -> Any:
    begun = False

    def report(done: int, total: int) -> None:
        nonlocal begun
        if not begun:
            talk.phase("making the corpus (once)")
            begun = True
        talk.progress(done, total)

    return report


def run(planned: Planned, store: Store, *, talk: Talk, force: bool = False) -> Finished:
    """Carry out a plan and return its record; a finished run is answered from the store.

    force: compute it again and hold the outcome against the record that is there.
    Raises RunError, PluginError or DataError; the failure is then written down in the store.
    """
    from filelock import FileLock

    run_id = planned.plan.run_id
    if not force and store.has(run_id):
        return Finished(store.get(run_id), is_new=False)
    store.prepare()
    work = store.work_folder(run_id)
    with FileLock(work.with_name(f"{run_id}.lock")):
        if not force and store.has(run_id):
            return Finished(store.get(run_id), is_new=False)
        if force:
            shutil.rmtree(work, ignore_errors=True)
        record = _compute(planned, store, work, talk, force=force)
        shutil.rmtree(work, ignore_errors=True)
    return Finished(record, is_new=True)


def _compute(planned: Planned, store: Store, work: Path, talk: Talk, *, force: bool) -> Record:
    plan = planned.plan
    document = plan.model_dump(mode="json")
    observers = Observers()
    started_at, started = datetime.now(UTC), time.monotonic()
    try:
        observers.started(document)
        with _phase("features", planned, store, talk):
            talk.phase("features")
            features = ensure_features(planned, store=store.folder, on_progress=talk.progress)
        with _phase("fit", planned, store, talk):
            fitted = _fit(planned, features, store, work, talk=talk, observers=observers)
        with _phase("predict", planned, store, talk):
            talk.phase("predict")
            predicted = _predict(planned, features, fitted, work, talk)
        with _phase("score", planned, store, talk):
            talk.phase("score")
            stored = label_logits(planned, predicted.logits)
            logits = write_logits(stored)
            scores = stored.scores(source=plan.source)
        record = Record(
            run_id=plan.run_id,
            plan=plan,
            classes=list(planned.benchmark.classes),
            scores=scores,
            summary=summarise(scores),
            models=[_model(model) for model in fitted["models"]],
            logits_sha256=sha256_bytes(logits),
            checks=Checks(
                independence="not-applicable" if predicted.max_difference is None else "passed",
                max_difference=predicted.max_difference,
            ),
            measured={
                "started_at": started_at.isoformat(timespec="seconds"),
                "times_s": {
                    "fit": round(fitted["wall_s"], 3),
                    "predict": round(predicted.wall_s, 3),
                    "total": round(time.monotonic() - started, 3),
                },
                "peak_memory_mb": {
                    "fit": round(fitted["peak_memory_mb"], 1),
                    "predict": round(predicted.peak_memory_mb, 1),
                },
                "machine": {
                    "system": platform.system(),
                    "cpu": cpu_model(),
                    "gpus": gpu_names() if plan.device == "cuda" else [],
                },
            },
        )
        if force:
            _require_same(store, record)
        weights: dict[str, Path | bytes] = {
            model["weights_sha256"]: _weights_path(work, index)
            for index, model in enumerate(fitted["models"])
        }
        record = store.publish(record, logits, weights)
        told = record.model_dump(mode="json", by_alias=True)
        for words in observers.finished(told, store.folder):
            talk.warn(words)
    finally:
        observers.close()
    return record


def _require_same(store: Store, record: Record) -> None:
    """Hold a forced run against the record that is there: one plan must give the same bytes.

    One that cannot be read says nothing; it is replaced.
    """
    try:
        before = store.get(record.run_id).reproducible()
    except (DataError, UnknownNameError):
        return
    now = record.reproducible()
    if canonical_json(before) != canonical_json(now):
        keys = sorted(key for key in before if before[key] != now[key])
        raise CheckError(
            f"run {record.run_id[:12]} gave another result this time: {', '.join(keys)} differ",
            fix="the stored record is kept; look for draws that are not from the generator",
        )


@contextlib.contextmanager
def _phase(name: str, planned: Planned, store: Store, talk: Talk) -> Iterator[None]:
    """Write down a failure of a phase; an interruption is none, the run can be continued."""
    try:
        yield
    except DevbenchError as error:
        state = error.state if isinstance(error, RunError) else _state_of(error)
        try:
            store.record_failure(planned.plan, state=state, reason=error.what, phase=name)
        except (DevbenchError, OSError) as second:
            talk.warn(f"the failure could not be written down: {second}")
        raise


def _state_of(error: DevbenchError) -> str:
    return "plugin" if isinstance(error, PluginError) else "data"


def _model(fitted: Mapping[str, Any]) -> Model:
    lists: dict[str, Any] = {
        "history": [Epoch(**entry) for entry in fitted["history"]],
        "artifacts": [ArtifactUse.model_validate(use) for use in fitted.get("artifacts", [])],
    }
    if fitted.get("added_db") is not None:
        lists["added_db"] = AddedLevel.model_validate(fitted["added_db"])
    return Model(**{**fitted, **lists})


def _weights_path(work: Path, index: int) -> Path:
    return work / "fit" / "out" / f"weights-{index}.safetensors"


def _fit(
    planned: Planned,
    features: FeatureCache,
    store: Store,
    work: Path,
    *,
    talk: Talk,
    observers: Observers,
) -> dict[str, Any]:
    """Return what the fit worker returned, from an earlier try if it ended well."""
    done = work / "fitted.json"
    if done.exists():
        found: dict[str, Any] = read_json(done)
        return found
    scratch = work / "fit"
    job = stage_fit(planned, features, scratch, artifacts=shelf_of(store).folder)
    document = planned.plan.model_dump(mode="json")

    def report(message: Mapping[str, Any]) -> None:
        refuse_violation(planned.refs["method"], message)
        if message["event"] == "epoch":
            talk.epoch(message)
            observers.epoch(document, {k: v for k, v in message.items() if k != "event"})

    outcome = run_with_artifacts(
        "fit",
        lambda built: job.model_dump(mode="json"),
        planned=planned,
        features=features,
        store=store,
        scratch=scratch,
        talk=talk,
        on_report=report,
        phase="fit",
    )
    found = {
        "models": outcome.result["models"],
        "wall_s": outcome.wall_s,
        "peak_memory_mb": outcome.peak_memory_mb,
    }
    publish(done, pretty_json(found), replace=True)
    return found


def _predict(
    planned: Planned,
    features: FeatureCache,
    fitted: Mapping[str, Any],
    work: Path,
    talk: Talk,
) -> Predicted:
    weights = [
        (_weights_path(work, index), str(model["weights_sha256"]))
        for index, model in enumerate(fitted["models"])
    ]
    return predict(
        planned,
        features,
        weights,
        work / "predict",
        limits=planned.limits,
        on_report=lambda message: refuse_violation(planned.refs["method"], message),
    )
