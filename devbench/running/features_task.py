"""Task 'features': decode the clips of one device, check them, and compute their spectrograms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from devbench.audio.files import read_clip
from devbench.errors import ContractError
from devbench.running.clips import save_clips
from devbench.running.frontend import build_frontend
from devbench.running.jobs import FeaturesJob
from devbench.running.worker import Channel

REPORT_EVERY = 100


def run(job_data: Any, channel: Channel) -> dict[str, Any]:
    """Write data.npy and index.npy per device, clips in job order; return bin_hz and scale."""
    job = FeaturesJob.model_validate(job_data)
    torch.set_num_threads(job.threads)
    features = job.features.spec()
    spec, frontend = build_frontend(job.frontend, features)
    done = 0
    for device, files in job.files.items():
        clips = []
        for file in files:
            samples = read_clip(
                Path(file.path),
                sha256=file.sha256,
                n_samples=file.n_samples,
                sample_rate_hz=features.sample_rate_hz,
            )
            clips.append(_frames(frontend, samples, file.path))
            done += 1
            if done % REPORT_EVERY == 0:
                channel.send({"event": "progress", "done": done})
        save_clips(Path.cwd() / "features" / device, clips, None)
    bin_hz = [float(value) for value in frontend.get_buffer("bin_hz")]
    return {"bin_hz": bin_hz, "scale": spec.scale}


def _frames(
    frontend: torch.nn.Module, samples: NDArray[np.float32], path: str
) -> NDArray[np.float32]:
    """Return the spectrogram of one clip: [frame, bin]."""
    with torch.no_grad():
        spectrogram_db: torch.Tensor = frontend(
            torch.from_numpy(samples)[None]
        )  # [1, 1, bin, frame]
    if not bool(torch.isfinite(spectrogram_db).all()):
        raise ContractError(
            f"the front end returned NaN or infinity for {path}",
            fix="floor the power before the logarithm",
        )
    frames: NDArray[np.float32] = spectrogram_db[0, 0].T.contiguous().numpy()
    return frames.astype(np.float32, copy=False)
