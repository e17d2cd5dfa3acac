"""Prediction: unlabelled clips go to a child in an order it cannot know; logits come back.

Beside the groups that are scored, the child gets probes: single clips, and a mixture of devices in
another order. A model that asks of a clip only what is in it gives the same logits there.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from devbench.contract.access import Access
from devbench.errors import PluginError
from devbench.running.clips import save_clips
from devbench.running.jobs import Group, PredictJob
from devbench.running.process import Report, WorkerLimits, run_worker
from devbench.running.stage import model_job, staged_clips
from devbench.running.worker_logits import read_worker_logits

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from devbench.contract.values import Clip
    from devbench.running.features import FeatureCache
    from devbench.running.plan import Planned

N_SINGLE_PROBES = 6
N_MIXED_PROBE = 24
TOLERANCE = 1e-4
"""Of the largest logit; honest models differ by 1e-6, batch statistics by 1e-2."""


@dataclass(frozen=True, slots=True)
class Predicted:
    """Logits by (device, event): [class] float32; how far probes differed; cost of the worker."""

    logits: Mapping[tuple[str, str], NDArray[np.float32]]
    max_difference: float | None
    wall_s: float
    peak_memory_mb: float


def predict(
    planned: Planned,
    features: FeatureCache,
    weights: Sequence[tuple[Path, str]],
    scratch: Path,
    *,
    limits: WorkerLimits,
    on_report: Report,
) -> Predicted:
    """Return the logits of every test clip.

    weights: (path, SHA-256) of one classifier, or of one per target when the method is per_target.
    Raises PluginError when the logits of a clip depend on the clips it came with.
    """
    plan = planned.plan
    devices = plan.targets if plan.method.per_target else [plan.source, *plan.targets]
    clips = [clip for device in devices for clip in planned.clips_of("test", device)]
    key = f"{plan.run_id}{planned.corpus.fingerprint}"
    clips.sort(key=lambda clip: _secret(key, clip))
    row_of = {(clip.device, clip.event_id): row for row, clip in enumerate(clips)}
    groups: list[Group] = []
    for number, device in enumerate(devices):
        rows = [row for row, clip in enumerate(clips) if clip.device == device]
        groups.append(Group(model=number if plan.method.per_target else 0, rows=rows))
    n_scored = len(groups)
    adapts = Access.TEST_TIME.value in plan.method.needs
    if not adapts:
        groups += _probes(groups, per_target=plan.method.per_target)
    shutil.rmtree(scratch, ignore_errors=True)
    save_clips(scratch, staged_clips(planned, features, clips, as_waveforms=features.is_live), None)
    job = PredictJob(
        model=model_job(planned, features),
        weights=[str(path.absolute()) for path, _ in weights],
        weights_sha256=[sha256 for _, sha256 in weights],
        groups=groups,
    )
    outcome = run_worker(
        "predict",
        job.model_dump(mode="json"),
        scratch=scratch,
        limits=limits,
        threads=plan.threads,
        on_report=on_report,
        sandbox=planned.sandbox(*(path.absolute() for path, _ in weights)),
    )
    shape = (sum(len(group.rows) for group in groups), len(planned.benchmark.classes))
    found = read_worker_logits(
        scratch / "logits.npy", sha256=outcome.result["logits_sha256"], shape=shape
    )
    logits = _by_group(found, groups)
    scored = {row: logits[n][i] for n in range(n_scored) for i, row in enumerate(groups[n].rows)}
    difference = None
    if not adapts:
        difference = _largest_difference(scored, groups[n_scored:], logits[n_scored:])
        scale = max(1.0, *(float(abs(part).max()) for part in logits[:n_scored]))
        if difference > TOLERANCE * scale:
            raise PluginError(
                f"logits of a clip depend on the clips it is predicted with (by {difference:.2g}): "
                f"method {plan.method.name!r} or backbone {plan.backbone.name!r} uses statistics "
                "of the test batch",
                fix="declare Access.TEST_TIME (track 'test-time'), or use eval mode",
            )
    by_clip = {clip: scored[row] for clip, row in row_of.items()}
    return Predicted(by_clip, difference, outcome.wall_s, outcome.peak_memory_mb)


def _secret(key: str, clip: Clip) -> bytes:
    """Return a sort key that only who holds the manifest can compute: it contains file hashes."""
    return hashlib.sha256(f"{key}{clip.device}{clip.sha256}{clip.event_id}".encode()).digest()


def _probes(groups: Sequence[Group], *, per_target: bool) -> list[Group]:
    probes: list[Group] = []
    for group in groups if per_target else groups[:1]:
        probes.append(Group(model=group.model, rows=list(reversed(group.rows[:N_MIXED_PROBE]))))
    if not per_target:
        mixed = [row for rows in zip(*(g.rows for g in groups), strict=False) for row in rows]
        probes.append(Group(model=0, rows=mixed[: N_MIXED_PROBE // len(groups) * len(groups) + 1]))
    for group in (list(groups) * N_SINGLE_PROBES)[:N_SINGLE_PROBES]:
        probes.append(Group(model=group.model, rows=[group.rows[len(probes) % len(group.rows)]]))
    return probes


def _by_group(logits: NDArray[np.float32], groups: Sequence[Group]) -> list[NDArray[np.float32]]:
    import numpy as np

    ends = np.cumsum([len(group.rows) for group in groups])
    return list(np.split(logits, ends[:-1]))


def _largest_difference(
    scored: Mapping[int, NDArray[np.float32]],
    probes: Sequence[Group],
    logits: Sequence[NDArray[np.float32]],
) -> float:
    largest = 0.0
    for group, rows in zip(probes, logits, strict=True):
        for row, values in zip(group.rows, rows, strict=True):
            largest = max(largest, float(abs(values - scored[row]).max()))
    return largest
