"""What a method learns for many runs, built without training a classifier."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from devbench.errors import UsageError
from devbench.results.record import ArtifactUse
from devbench.results.shelf import installed_shipped
from devbench.running.artifacts import run_with_artifacts, shelf_of
from devbench.running.features import ensure_features
from devbench.running.guard import refuse_violation
from devbench.running.stage import stage_fit

if TYPE_CHECKING:
    from devbench.results.artifact import ArtifactDocument
    from devbench.results.store import Store
    from devbench.running.pipeline import Talk
    from devbench.running.plan import Planned


@dataclass(frozen=True, slots=True)
class Ready:
    """An artifact that a method asked for. is_new: it was built just now."""

    use: ArtifactUse
    document: ArtifactDocument
    is_new: bool


def prepare(planned: Planned, store: Store, *, talk: Talk, anew: bool = False) -> list[Ready]:
    """Let the method fit for every set of targets, building what is missing, and nothing more.

    anew: build also what the store has. Raises UsageError for a method that asks for nothing.
    """
    from filelock import FileLock

    store.prepare()
    shelf = shelf_of(store)
    before = frozenset() if anew else frozenset(shelf.keys())
    scratch = store.folder / "work" / f"prepare-{planned.plan.run_id[:32]}"
    with FileLock(scratch.with_suffix(".lock")):
        talk.phase("features")
        features = ensure_features(planned, store=store.folder, on_progress=talk.progress)
        staged = stage_fit(planned, features, scratch, artifacts=shelf.folder)
        fit = staged.model_copy(update={"prepare_only": True})

        def job(built: list[str]) -> Mapping[str, Any]:
            only = fit.artifacts.model_copy(update={"only": built if anew else None})
            return fit.model_copy(update={"artifacts": only}).model_dump(mode="json")

        outcome = run_with_artifacts(
            "fit",
            job,
            planned=planned,
            features=features,
            store=store,
            scratch=scratch,
            talk=talk,
            on_report=lambda message: refuse_violation(planned.refs["method"], message),
            phase="fit",
            anew=anew,
        )
        shutil.rmtree(scratch, ignore_errors=True)
    uses = [ArtifactUse.model_validate(item) for item in outcome.result["artifacts"]]
    if not uses:
        name = planned.plan.method.name
        raise UsageError(
            f"method {name!r} asks for no artifact: there is nothing to train beforehand",
            fix=f"devbench run --method {name} --source {planned.plan.source}",
        )
    shipped = {item.document.key: item.document for item in installed_shipped(talk.warn)}
    ready = {}
    for use in uses:
        is_shipped = use.origin == "shipped"
        document = shipped[use.key] if is_shipped else shelf.get(use.key).document
        ready[use.key] = Ready(use, document, not is_shipped and use.key not in before)
    return list(ready.values())
