"""Artifacts from outside the workers: one that is missing is built, once, and put on the shelf."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devbench.errors import DataError, PluginError, RunError
from devbench.files import canonical_json, read_bytes, sha256_bytes
from devbench.results.artifact import ArtifactDocument, AskedBy, LossEntry, Made
from devbench.results.shelf import WEIGHTS, Shelf
from devbench.running.guard import refuse_violation
from devbench.running.hardware import cpu_model, gpu_names
from devbench.running.identity import identity_of, information
from devbench.running.jobs import Wish
from devbench.running.process import Outcome, Task, run_worker
from devbench.running.stage import stage_artifact

if TYPE_CHECKING:
    from devbench.results.store import Store
    from devbench.running.features import FeatureCache
    from devbench.running.pipeline import Talk
    from devbench.running.plan import Planned

MAX_ARTIFACTS = 200
"""Of one method for one source: one that asks for more asks without end."""


def shelf_of(store: Store) -> Shelf:
    """Return the artifacts of a store."""
    return Shelf(store.folder / "artifacts")


def run_with_artifacts(
    task: Task,
    job: Callable[[list[str]], Mapping[str, Any]],
    *,
    planned: Planned,
    features: FeatureCache,
    store: Store,
    scratch: Path,
    talk: Talk,
    on_report: Callable[[Mapping[str, Any]], None],
    phase: str,
    anew: bool = False,
    may_build: bool = True,
) -> Outcome:
    """Run a worker that fits methods, building what they miss, until nothing is missing.

    In a sandbox it sees only the artifacts that it asked for, so each costs one more start.

    job: makes the job from the keys that were built here meanwhile. phase: what to say when it
    starts. anew: build also what the store has. The outcome's time and memory are of all tries.
    may_build: raise DataError for what is missing where it is False.
    """
    built: list[str] = []
    wall_s, peak_memory_mb, shelf = 0.0, 0.0, shelf_of(store)
    while True:
        talk.phase(phase)
        outcome = run_worker(
            task,
            job(built),
            scratch=scratch,
            limits=planned.limits,
            threads=planned.plan.threads,
            on_report=on_report,
            sandbox=planned.sandbox(*(shelf.place(key) for key in built)),
        )
        wall_s += outcome.wall_s
        peak_memory_mb = max(peak_memory_mb, outcome.peak_memory_mb)
        missing = outcome.result.get("missing")
        if missing is None:
            return replace(outcome, wall_s=wall_s, peak_memory_mb=peak_memory_mb)
        wish = Wish.model_validate(missing)
        if not may_build:
            raise DataError(
                f"artifact {wish.name!r} of {planned.refs[wish.asker].name!r} is not in the store",
                fix="train it: devbench converter train, or run the method again",
            )
        key = identity_of(information(planned, wish.asker), wish).key
        if key in built or len(built) >= MAX_ARTIFACTS:
            ref = planned.refs[wish.asker]
            raise PluginError(
                f"{ref.kind} {ref.name!r} ({ref.origin}) asks for artifact {wish.name!r} without "
                "end",
                fix="ask for the same artifacts every time fit is called",
            )
        built.append(ensure_artifact(planned, features, wish, store, talk, anew=anew))


def ensure_artifact(
    planned: Planned,
    features: FeatureCache,
    wish: Wish,
    store: Store,
    talk: Talk,
    *,
    anew: bool = False,
) -> str:
    """Build an artifact unless the store has it, and return its key.

    A build that is interrupted keeps its folder; the next one goes on at its last checkpoint, with
    the same bytes at the end. anew: build it even if it is there.
    """
    key, shelf = identity_of(information(planned, wish.asker), wish).key, shelf_of(store)
    if not anew and shelf.has(key):
        return key
    store.prepare()
    stem = f"artifact-{key[:32]}"
    with _locked(store.folder / "work" / f"{stem}.lock", wish.name, talk):
        if not anew and shelf.has(key):  # another process built it while this one waited
            return key
        talk.phase(f"artifact {wish.name}")
        # Another device, precision or number of threads gives other bytes: it starts from nothing.
        how = sha256_bytes(canonical_json(_how(planned)))[:8]
        scratch = store.folder / "work" / f"{stem}-{how}"
        document, weights = _build(planned, features, wish, scratch, talk=talk)
        shelf.publish(document, weights, replace=anew)
        for folder in (store.folder / "work").glob(f"{stem}-*"):
            shutil.rmtree(folder, ignore_errors=True)
    return key


@contextmanager
def _locked(path: Path, name: str, talk: Talk) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        talk.phase(f"artifact {name}: waiting for another process that builds it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _how(planned: Planned) -> dict[str, Any]:
    plan = planned.plan
    return {
        "versions": plan.versions,
        "threads": plan.threads,
        "device": plan.device,
        "precision": plan.precision,
    }


def _build(
    planned: Planned, features: FeatureCache, wish: Wish, scratch: Path, *, talk: Talk
) -> tuple[ArtifactDocument, bytes]:
    plan = planned.plan
    asked_by = plan.method if wish.asker == "method" else plan.backbone
    identity = identity_of(information(planned, wish.asker), wish)
    job = stage_artifact(planned, features, wish, scratch)

    def report(message: Mapping[str, Any]) -> None:
        refuse_violation(planned.refs[wish.asker], message)
        if message["event"] == "artifact":
            talk.artifact(message)

    outcome = run_worker(
        "artifact",
        job.model_dump(mode="json"),
        scratch=scratch,
        limits=planned.limits,
        threads=plan.threads,
        on_report=report,
        sandbox=planned.sandbox(),
    )
    result = outcome.result
    weights = _weights(scratch / "out" / WEIGHTS, result["sha256"])
    document = ArtifactDocument(
        key=identity.key,
        name=wish.name,
        origin="built",
        identity=identity,
        sha256=result["sha256"],
        n_parameters=result["n_parameters"],
        size_bytes=len(weights),
        facts=result["facts"],
        losses=[LossEntry(**entry) for entry in result["losses"]],
        n_steps=result["n_steps"],
        made=Made(
            at_utc=datetime.now(UTC).isoformat(timespec="seconds"),
            **_how(planned),
            system=platform.system(),
            cpu=cpu_model(),
            gpus=gpu_names() if plan.device == "cuda" else [],
            seconds=result["seconds"],
            peak_memory_mb=round(outcome.peak_memory_mb, 1),
        ),
        method=AskedBy(
            name=asked_by.name,
            version=asked_by.version,
            distribution=asked_by.distribution,
            distribution_version=asked_by.distribution_version,
        ),
    )
    return document, weights


def _weights(path: Path, sha256: str) -> bytes:
    try:
        data = read_bytes(path)
    except DataError as error:
        raise RunError(error.what, fix="type the command again", state="invalid") from error
    if sha256_bytes(data) != sha256:
        raise RunError(
            "the artifact changed after it was reported",
            fix="type the command again",
            state="invalid",
        )
    return data
