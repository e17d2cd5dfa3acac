"""A finished run, opened again to be explained: plan, features, weights and labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from devbench.errors import DataError, UsageError
from devbench.files import sha256_file
from devbench.results.commands import run_command
from devbench.running.again import planned_here
from devbench.running.features import FeatureCache, ensure_features
from devbench.running.guard import refuse_violation
from devbench.running.hardware import chosen_device
from devbench.running.process import Outcome, Task, run_worker
from devbench.running.stage import model_job
from devbench.running.worker_logits import read_worker_logits

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pydantic import BaseModel

    from devbench.contract.values import Clip
    from devbench.results.expected import Expectation
    from devbench.results.record import Model, Record
    from devbench.results.store import Store
    from devbench.running.jobs import ModelJob
    from devbench.running.plan import Planned


class Talk(Protocol):
    """How an explanation tells what it does."""

    def phase(self, name: str) -> None:
        """Say that a phase begins."""
        ...

    def progress(self, done: int, total: int) -> None:
        """Say how far the phase is."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """A stored run that is asked about, before anything is computed.

    planned: its plan as it is here. weights: (path, SHA-256) of each classifier.
    """

    record: Record
    planned: Planned
    weights: tuple[tuple[Path, str], ...]

    def classifier_for(self, target: str | None) -> int:
        """Return which classifier is meant; None: of all devices, or the first.

        Raises UsageError for a target that has no classifier of its own.
        """
        names = [model.target for model in self.record.models]
        if target is not None and target not in names:
            own = ", ".join(name for name in names if name) or "one classifier for all targets"
            run = self.record.run_id[:12]
            raise UsageError(f"run {run} has no classifier for {target!r}", fix=f"it has {own}")
        return names.index(target) if target is not None else 0


@dataclass(frozen=True, slots=True)
class StoredRun(Asked):
    """All that a worker needs to ask the classifiers of a run."""

    features: FeatureCache
    model: ModelJob

    @property
    def devices(self) -> list[str]:
        """Return the devices that the run was scored on, in its order."""
        plan = self.record.plan
        return plan.targets if plan.method.per_target else [plan.source, *plan.targets]

    def classifier_of(self, device: str) -> int:
        """Return which classifier answers for a device."""
        plan = self.record.plan
        return plan.targets.index(device) if plan.method.per_target else 0

    def clips(self, device: str) -> list[Clip]:
        """Return the test clips of a device, sorted by event."""
        return self.planned.clips_of("test", device)

    def labels(self, clips: list[Clip]) -> NDArray[np.int64]:
        """Return the class indices of clips: [clip]."""
        import numpy as np

        place = {label: index for index, label in enumerate(self.planned.benchmark.classes)}
        return np.array([place[clip.label] for clip in clips], np.int64)


def ask_run(
    record: Record, store: Store, expectation: Expectation, *, device: str, threads: int
) -> Asked:
    """Return a run to ask; what cannot be asked is refused here, before any work.

    device: auto, cpu or cuda; threads: 0 takes the run's. Raises DataError where weights, corpus
    or benchmark are not at hand.
    """
    weights = [_stored_weights(record, model, store) for model in record.models]
    changes: dict[str, object] = {"device": chosen_device(device)}
    if threads:
        changes["threads"] = threads
    planned = planned_here(record, expectation)
    plan = planned.plan.model_copy(update=changes)
    return Asked(record, replace(planned, plan=plan), tuple(weights))


def open_run(asked: Asked, store: Store, *, talk: Talk) -> StoredRun:
    """Return a run with its features computed."""
    store.prepare()
    talk.phase("features")
    features = ensure_features(asked.planned, store=store.folder, on_progress=talk.progress)
    return StoredRun(
        record=asked.record,
        planned=asked.planned,
        weights=asked.weights,
        features=features,
        model=model_job(asked.planned, features),
    )


def _stored_weights(record: Record, model: Model, store: Store) -> tuple[Path, str]:
    """Return path and SHA-256 of a classifier's weights; DataError where they are not whole."""
    plan, path = record.plan, store.blob_path("checkpoints", model.weights_sha256)
    if not path.exists():
        raise DataError(
            f"run {record.run_id[:12]} has no weights in this store",
            fix="give --store the one it was trained in, add them with its record "
            "(devbench records add), or train it again: " + run_command([plan], "--force"),
        )
    if sha256_file(path) != model.weights_sha256:
        raise DataError(
            f"{path} is damaged: its content does not have the hash in its name",
            fix="restore the file, or run it again with --force",
        )
    return path.absolute(), model.weights_sha256


def versions_now() -> dict[str, str]:
    """Return the versions of what an explanation is computed with."""
    from importlib import metadata

    found = {}
    for name in ("devbench", "torch", "numpy", "captum"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def ask(
    run: StoredRun,
    task: Task,
    job: BaseModel,
    *,
    scratch: Path,
    shape: tuple[int, ...],
    talk: Talk,
) -> tuple[NDArray[np.float32], Outcome]:
    """Let a worker ask a run's classifiers; return logits of that shape, and all that it told."""

    def report(message: Mapping[str, Any]) -> None:
        refuse_violation(run.planned.refs["method"], message)
        if message["event"] == "progress":
            talk.progress(int(message["done"]), int(message["total"]))

    outcome = run_worker(
        task,
        job.model_dump(mode="json"),
        scratch=scratch,
        limits=run.planned.limits,
        threads=run.model.threads,
        on_report=report,
        sandbox=run.planned.sandbox(*(path for path, _ in run.weights)),
    )
    sha256 = outcome.result["logits_sha256"]
    return read_worker_logits(scratch / "logits.npy", sha256=sha256, shape=shape), outcome
