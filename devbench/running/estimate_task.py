"""Task 'estimate': train auxiliary classifiers on collected statistics; no plugin is loaded."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from devbench.errors import RunError
from devbench.explaining.estimating import estimate
from devbench.running.explain_jobs import EstimateJob
from devbench.running.worker import Channel


def run(job_data: Any, channel: Channel) -> dict[str, Any]:
    """Return the estimate of every file, in order."""
    job = EstimateJob.model_validate(job_data)
    torch.set_num_threads(1)  # the products are small, and one thread gives the same bytes anywhere
    torch.use_deterministic_algorithms(True)
    labels, groups = torch.tensor(job.labels), torch.tensor(job.groups)
    found = []
    for number, name in enumerate(job.files):
        values = np.load(name, allow_pickle=False)
        if values.dtype != np.float32 or values.ndim != 2 or len(values) != len(labels):
            raise RunError(
                f"statistics are {values.shape} {values.dtype}, expected {len(labels)} rows of "
                "float32",
                fix="type the command again",
                state="invalid",
            )
        features = torch.from_numpy(values)
        if not bool(torch.isfinite(features).all()):
            raise RunError(
                "activations hold NaN or infinity",
                fix="look for a diverged network: devbench show RUN",
                state="nan",
            )
        found.append(estimate(features, labels, groups, job.protocol).model_dump(mode="json"))
        channel.send({"event": "progress", "done": number + 1})
    return {"estimates": found}
