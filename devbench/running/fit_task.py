"""Task 'fit': the method's fit, then training; weights leave as safetensors.

This process sees staged source clips and the side information that the method declared. Its
reports carry source numbers only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from devbench.contract.batch import Batch
from devbench.contract.method import Method, MethodSpec
from devbench.files import publish, sha256_bytes
from devbench.results.record import ArtifactUse
from devbench.running import guard
from devbench.running.added import added_db
from devbench.running.checkpoints import tensors_to_bytes
from devbench.running.classifier import build_classifier, build_method, set_up_torch
from devbench.running.finder import ArtifactMissing
from devbench.running.fitting import Stage, fit_method
from devbench.running.frontend import LiveFrontend, build_frontend
from devbench.running.jobs import FitJob
from devbench.running.plugin_faults import naming
from devbench.running.pretraining import Tensors, pretrained
from devbench.running.training import Recipe, train
from devbench.running.worker import Channel


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A method after its fit for one set of targets, and the artifacts that it used."""

    targets: Sequence[str]
    spec: MethodSpec
    method: Method
    uses: list[ArtifactUse]


def run(job_data: Any, channel: Channel) -> dict[str, Any]:
    """Train one classifier per set of targets and return what the record says of each.

    All methods are fitted first: an artifact that is missing is found before anything is trained,
    and the result is then {"missing": ...}.
    """
    job = FitJob.model_validate(job_data)
    device = set_up_torch(job.model)
    here = Path.cwd()
    allow = guard.install(
        here,
        lambda words: channel.send({"event": "violation", "words": words}),
        plugins=job.model.plugins(),
    )
    with naming(job.model.method.reference(), "fit or training", here):
        frontend_spec, frontend = build_frontend(job.model.frontend, job.model.features.spec())
        frontend = frontend.to(device)
        bin_hz = frontend.get_buffer("bin_hz")
        live = LiveFrontend.of(job.model).to(device) if job.model.is_live else None
        stage = Stage(job, here, bin_hz, live)
        prepared = []
        try:
            for targets in job.target_sets:
                spec, method = build_method(job.model.method)
                uses = fit_method(job, targets, method, here=here, stage=stage, allow=allow)
                prepared.append(Prepared(targets, spec, method, uses))
            start, own = pretrained(job, allow)
        except ArtifactMissing as missing:
            return missing.result()
        if job.prepare_only:
            uses = [use for item in prepared for use in item.uses]
            return {"artifacts": [use.model_dump(mode="json") for use in uses]}
        models = [
            _train_one(
                job,
                index,
                item,
                stage,
                frontend,
                start=start,
                device=device,
                channel=channel,
                is_db=frontend_spec.scale == "db",
            )
            for index, item in enumerate(prepared)
        ]
    for model in models:
        model["artifacts"] += [use.model_dump(mode="json") for use in own]
    return {"models": models}


def _train_one(
    job: FitJob,
    index: int,
    prepared: Prepared,
    stage: Stage,
    frontend: torch.nn.Module,
    *,
    start: Tensors,
    device: torch.device,
    channel: Channel,
    is_db: bool,
) -> dict[str, Any]:
    spec, method = prepared.spec, prepared.method
    crop_frames = job.budget.crop_frames
    is_waveform = job.model.acts_on == "waveform"
    model = build_classifier(job.model, method, start).to(device)
    stage.frontend = model.frontend
    recipe = Recipe(
        budget=job.budget,
        selection=job.selection,
        seed=job.model.seed,
        precision=job.precision,
        method_name=spec.name,
        device=device,
    )

    def to_spectrogram(batch: Batch) -> Batch:
        if not is_waveform or job.model.is_live:
            return batch
        with torch.no_grad():
            frames: torch.Tensor = frontend(batch.waveform)[..., :crop_frames]
        return Batch(target=batch.target, bin_hz=batch.bin_hz, spectrogram_db=frames)

    trained = train(
        model,
        method,
        stage.clips("train"),
        stage.validation(),
        recipe,
        to_spectrogram=to_spectrogram,
        checkpoints=Path(job.output) / f"checkpoints-{index}",
        report=lambda entry: channel.send({"event": "epoch", "model": index, **entry}),
    )
    weights = tensors_to_bytes(trained.weights)
    publish(Path(job.output) / f"weights-{index}.safetensors", weights, replace=True)
    added = None
    if is_db:
        added = added_db(
            method, spec.name, stage.clips("train"), seed=job.model.seed,
            to_spectrogram=to_spectrogram,
        )  # fmt: skip
    return {
        "added_db": added,
        "target": prepared.targets[0] if spec.per_target else None,
        "weights_sha256": sha256_bytes(weights),
        "n_parameters": sum(p.numel() for p in model.parameters()),
        "selected_epoch": trained.selected_epoch,
        "history": trained.history,
        "artifacts": [use.model_dump(mode="json") for use in prepared.uses],
    }
