"""What each impairment of a device costs a stored run: source clips with one of them at a time."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devbench.benchmark.seeds import seed_for
from devbench.errors import DataError
from devbench.explaining.devices import DeviceEstimate, DeviceLoss, RunLoss
from devbench.explaining.impairments import IMPAIRMENTS, NAMES, TOGETHER, device_models
from devbench.results.metrics import confusion, macro_f1
from devbench.running.clips import save_clips
from devbench.running.jobs import ImpairmentJob, RenderGroup
from devbench.running.stage import staged_clips
from devbench.running.stored_run import StoredRun, Talk, ask

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SEED = 0


def explain_losses(run: StoredRun, estimates: list[DeviceEstimate], *, talk: Talk) -> RunLoss:
    """Return what each target costs, really and by impairment. estimates: against the source."""
    plan = run.record.plan
    known = {estimate.device: estimate for estimate in estimates}
    targets = [device for device in plan.targets if device in known]
    if plan.source not in known or not targets:
        raise DataError(
            f"run {run.record.run_id[:12]}: its devices were not estimated",
            fix="name the run's own benchmark or corpus",
        )
    renderings = [_plain(run, plan.source)] if not plan.method.per_target else []
    for target in targets:
        if plan.method.per_target:
            renderings.append(_plain(run, target))
        models = device_models(
            known[plan.source],
            known[target],
            sample_rate_hz=run.model.features.sample_rate_hz,
        )
        renderings += [_rendering(run, target, models[name]) for name in NAMES]
    clips = run.clips(plan.source)
    logits = _predict(run, renderings, talk=talk)
    labels = run.labels(clips)
    scores = [macro_f1(confusion(labels, one, run.model.n_classes)) for one in logits]
    return RunLoss(
        run_id=run.record.run_id,
        method=plan.method.name,
        backbone=plan.backbone.name,
        frontend=plan.frontend.name,
        source=plan.source,
        weights_sha256=[sha256 for _, sha256 in run.weights],
        devices=_losses(run, targets, scores),
    )


def _plain(run: StoredRun, device: str) -> RenderGroup:
    return RenderGroup(
        model=run.classifier_of(device), group=run.devices.index(device), device_model=None, seed=0
    )


def _rendering(run: StoredRun, target: str, model: Mapping[str, Any]) -> RenderGroup:
    return RenderGroup(
        model=run.classifier_of(target),
        group=run.devices.index(target),
        device_model={k: list(v) if isinstance(v, tuple) else v for k, v in model.items()},
        seed=seed_for(SEED, "explain-devices", target),
    )


def _predict(run: StoredRun, renderings: list[RenderGroup], *, talk: Talk) -> NDArray[np.float32]:
    """Return logits [rendering, clip, class] of the source's test clips."""
    talk.phase("impairments")
    clips = run.clips(run.record.plan.source)
    with tempfile.TemporaryDirectory(prefix="devbench-explain-") as folder:
        scratch = Path(folder) / "impairment"
        sounds = staged_clips(run.planned, run.features, clips, as_waveforms=True)
        save_clips(scratch, sounds, None)
        job = ImpairmentJob(
            model=run.model,
            weights=[str(path) for path, _ in run.weights],
            weights_sha256=[sha256 for _, sha256 in run.weights],
            renderings=renderings,
        )

        shape = (len(renderings), len(clips), run.model.n_classes)
        logits, _ = ask(run, "impairment", job, scratch=scratch, shape=shape, talk=talk)
    return logits


def _losses(run: StoredRun, targets: list[str], scores: list[float]) -> list[DeviceLoss]:
    """Return the losses of each target; scores in the order of the renderings."""
    told = {score.device: score.macro_f1 for score in run.record.scores}
    rest = iter(scores)
    per_target = run.record.plan.method.per_target
    source_f1 = 0.0 if per_target else next(rest)
    found = []
    for target in targets:
        if per_target:
            source_f1 = next(rest)
        by_name = {name: source_f1 - next(rest) for name in NAMES}
        found.append(
            DeviceLoss(
                device=target,
                source_f1=source_f1,
                lost=source_f1 - told[target],
                by_impairment={name: by_name[name] for name in IMPAIRMENTS},
                together=by_name[TOGETHER],
            )
        )
    return found
