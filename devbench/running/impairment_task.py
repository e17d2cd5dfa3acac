"""Task 'impairment': clips through simulated devices in, logits out.

Clips are staged as waveforms and without labels, as for prediction.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from devbench.audio.simulate import DeviceModel, render
from devbench.benchmark.seeds import seed_for
from devbench.errors import DevbenchError, PluginError
from devbench.files import disk_errors, sha256_file
from devbench.running import guard
from devbench.running.classifier import clip_logits, set_up_torch
from devbench.running.clips import StagedClips
from devbench.running.frontend import build_frontend, spectrograms
from devbench.running.jobs import ImpairmentJob, RenderGroup
from devbench.running.stored_models import StoredModels
from devbench.running.worker import Channel


def run(job_data: Any, channel: Channel) -> dict[str, Any]:
    """Write logits.npy ([rendering, clip, class] float32) and return its hash."""
    job = ImpairmentJob.model_validate(job_data)
    device = set_up_torch(job.model)
    here = Path.cwd()
    models = StoredModels(job.model, job.weights, job.weights_sha256, device)
    guard.install(
        here,
        lambda words: channel.send({"event": "violation", "words": words}),
        plugins=job.model.plugins(),
    )
    samples = np.load(here / "data.npy", allow_pickle=False)
    index = np.load(here / "index.npy", allow_pickle=False)
    try:
        _, frontend = build_frontend(job.model.frontend, job.model.features.spec())
        bin_hz = frontend.get_buffer("bin_hz").to(device)
        logits = []
        for number, rendering in enumerate(job.renderings):
            channel.send({"event": "progress", "done": number, "total": len(job.renderings)})
            rendered = rendered_clips(samples, index, rendering, job.model.features.sample_rate_hz)
            data, places = torch.from_numpy(rendered), torch.from_numpy(index)
            if not job.model.is_live:
                data, places = spectrograms(job.model, data, places)
            clips = StagedClips(
                data.to(device), places.to(device), crop=job.model.crop, bin_hz=bin_hz
            )
            model = models.ready(rendering.model, clips, rendering.group)
            logits.append(clip_logits(model, clips, clips.crop).cpu().numpy().astype(np.float32))
    except DevbenchError:
        raise
    except Exception as error:
        raise PluginError(
            f"the run's classifier failed: {type(error).__name__}: {str(error)[:200]}",
            fix=f"the whole traceback: {here / 'log.txt'}",
        ) from error
    with disk_errors(here):
        np.save(here / "logits.npy", np.stack(logits))
    return {"logits_sha256": sha256_file(here / "logits.npy")}


def rendered_clips(
    samples: NDArray[np.float32],
    index: NDArray[np.int64],
    rendering: RenderGroup,
    sample_rate_hz: int,
) -> NDArray[np.float32]:
    """Return all clips, end to end, through the simulated device: [total], in steps of 16 bits."""
    if rendering.device_model is None:
        return samples
    given: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in rendering.device_model.items()
    }
    model = DeviceModel(**given)
    out = np.empty_like(samples)
    for number, (start, length) in enumerate(index.tolist()):
        clip = samples[start : start + length].astype(np.float64)
        seed = seed_for(rendering.seed, "impairment", number)
        heard = render(clip, model, sample_rate_hz=sample_rate_hz, seed=seed)
        out[start : start + length] = np.rint(heard * 32767) / 32767
    return out
