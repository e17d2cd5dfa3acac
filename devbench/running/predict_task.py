"""Task 'predict': weights and unlabelled clips under opaque numbers in, logits out.

Groups hold clips of one device, single clips and mixtures; a group does not say which it is. A
model that looks at more than the clip it is asked for gives itself away by different logits.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch

from devbench.contract.access import Access
from devbench.errors import ContractError, RunError
from devbench.files import disk_errors, sha256_file
from devbench.running import guard
from devbench.running.classifier import clip_logits, set_up_torch
from devbench.running.clips import StagedClips
from devbench.running.frontend import build_frontend
from devbench.running.jobs import PredictJob
from devbench.running.plugin_faults import naming
from devbench.running.stored_models import StoredModels
from devbench.running.worker import Channel


def run(job_data: Any, channel: Channel) -> dict[str, Any]:
    """Write logits.npy ([row, class] float32, groups end to end) and return its hash."""
    job = PredictJob.model_validate(job_data)
    device = set_up_torch(job.model)
    here = Path.cwd()
    models = StoredModels(job.model, job.weights, job.weights_sha256, device)
    guard.install(
        here,
        lambda words: channel.send({"event": "violation", "words": words}),
        plugins=job.model.plugins(),
    )
    with naming(job.model.method.reference(), "prediction", here):
        parts = _predict(job, models, here, device)
    logits = np.concatenate(parts)
    with disk_errors(here):
        np.save(here / "logits.npy", logits)
    return {"logits_sha256": sha256_file(here / "logits.npy")}


def _predict(
    job: PredictJob, models: StoredModels, here: Path, device: torch.device
) -> list[np.ndarray[Any, np.dtype[np.float32]]]:
    _, frontend = build_frontend(job.model.frontend, job.model.features.spec())
    bin_hz = frontend.get_buffer("bin_hz").to(device)
    data = torch.from_numpy(np.load(here / "data.npy", allow_pickle=False)).to(device)
    index = torch.from_numpy(np.load(here / "index.npy", allow_pickle=False)).to(device)
    adapts = Access.TEST_TIME.value in job.model.needs
    parts = []
    for number, group in enumerate(job.groups):
        rows = torch.tensor(group.rows, device=device)
        clips = StagedClips(data, index[rows], crop=job.model.crop, bin_hz=bin_hz)
        model = models.ready(group.model, clips, number)
        before = None if adapts else _state_hash(model)
        logits = clip_logits(model, clips, clips.crop)
        if before is not None and _state_hash(model) != before:
            raise ContractError(
                f"the model of method {job.model.method.reference().name!r} changes while it "
                "predicts",
                fix="declare Access.TEST_TIME, or keep no running state in eval mode",
            )
        if logits.shape != (len(rows), job.model.n_classes):
            raise ContractError(
                f"logits of shape {tuple(logits.shape)} for {len(rows)} clips",
                fix=f"return [batch, {job.model.n_classes}]",
            )
        if not bool(torch.isfinite(logits).all()):
            raise RunError(
                "the logits hold NaN or infinity",
                fix="look for a division by zero in the method's layers or the backbone",
                state="nan",
            )
        parts.append(logits.cpu().numpy().astype(np.float32))
    return parts


def _state_hash(model: torch.nn.Module) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
