"""Which bands and times decide, per device: a worker answers, F1 is counted here."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from devbench.errors import UsageError
from devbench.explaining.bands import mel_groups
from devbench.explaining.propagation_rules import RULES
from devbench.explaining.relevance import (
    DeviceRelevance,
    Measure,
    Missing,
    Relevance,
    Settings,
)
from devbench.results.metrics import confusion, macro_f1
from devbench.running.clips import save_clips
from devbench.running.jobs import Group, RelevanceJob
from devbench.running.stage import staged_clips
from devbench.running.stored_run import StoredRun, Talk, ask, versions_now

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Fill = Literal["clip-mean", "silence", "band-stop"]
N_PARTS = 8
SOUNDS = "sounds"
FITS: Mapping[str, tuple[Fill, ...]] = {
    "db": ("clip-mean", "silence", "band-stop"),
    "compressed": ("clip-mean", "band-stop"),
}
"""What can stand in for a band, by scale; the first is the default. Others: band-stop alone."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a run. fill: None for the front end's default. command: that asks it."""

    n_bands: int
    fill: Fill | None
    n_explained: int
    command: str


def explain_relevance(run: StoredRun, question: Question, *, talk: Talk) -> Relevance:
    """Return the document of a run."""
    started = time.monotonic()
    scale, features = run.features.scale, run.planned.benchmark.features
    fits = FITS.get(scale, ("band-stop",))
    fill = question.fill or fits[0]
    if fill not in fits:
        raise UsageError(
            f"--fill {fill} with front end {run.record.plan.frontend.name!r}",
            fix=f"use --fill {' or '.join(fits)}",
        )
    bands = mel_groups(question.n_bands, features.fmax_hz)
    clips = [clip for device in run.devices for clip in run.clips(device)]
    row_of = {(clip.device, clip.event_id): row for row, clip in enumerate(clips)}
    groups = [
        Group(
            model=run.classifier_of(device),
            rows=[row_of[device, clip.event_id] for clip in run.clips(device)],
        )
        for device in run.devices
    ]
    with tempfile.TemporaryDirectory(prefix="devbench-explain-") as folder:
        scratch = Path(folder) / "relevance"
        is_live = run.features.is_live
        save_clips(
            scratch, staged_clips(run.planned, run.features, clips, as_waveforms=is_live), None
        )
        needs_sounds = fill == "band-stop" and not is_live
        if needs_sounds:
            sounds = staged_clips(run.planned, run.features, clips, as_waveforms=True)
            save_clips(scratch / SOUNDS, sounds, None)
        job = RelevanceJob(
            model=run.model,
            weights=[str(path) for path, _ in run.weights],
            weights_sha256=[sha256 for _, sha256 in run.weights],
            groups=groups,
            edges_hz=list(bands.edges_hz),
            fill=fill,
            rate_hz=features.sample_rate_hz,
            floor_db=features.floor_db,
            bin_hz=list(run.features.bin_hz),
            n_parts=N_PARTS,
            n_explained=question.n_explained,
            sounds=SOUNDS if needs_sounds else None,
        )
        talk.phase("relevance")

        shape = (1 + len(bands), len(clips), run.model.n_classes)
        logits, outcome = ask(run, "relevance", job, scratch=scratch, shape=shape, talk=talk)
    devices = _devices(run, groups, logits, outcome.result["measures"])
    plan = run.record.plan
    return Relevance(
        run_id=run.record.run_id,
        method=plan.method.name,
        backbone=plan.backbone,
        frontend=plan.frontend,
        benchmark=plan.benchmark,
        corpus=plan.corpus,
        source=plan.source,
        fold=plan.fold,
        weights_sha256=[sha256 for _, sha256 in run.weights],
        domain="waveform" if scale == "waveform" else "spectrogram",
        edges_hz=list(bands.edges_hz),
        settings=Settings(
            fill=fill,
            n_explained=question.n_explained,
            n_parts=N_PARTS,
            rules=RULES,
            device=run.model.device,
            threads=run.model.threads,
        ),
        devices=devices,
        missing=[Missing.model_validate(entry) for entry in outcome.result["missing"]],
        warnings=_differences(run, devices),
        command=question.command,
        versions=versions_now(),
        measured={
            "wall_s": round(time.monotonic() - started, 2),
            "worker_wall_s": round(outcome.wall_s, 2),
            "worker_peak_memory_mb": round(outcome.peak_memory_mb, 1),
        },
    )


def _devices(
    run: StoredRun,
    groups: list[Group],
    logits: NDArray[np.float32],
    measures: list[dict[str, Any]],
) -> list[DeviceRelevance]:
    found = []
    for device, group, measured in zip(run.devices, groups, measures, strict=True):
        labels = run.labels(run.clips(device))
        scores = [
            macro_f1(confusion(labels, version[group.rows], run.model.n_classes))
            for version in logits
        ]
        found.append(
            DeviceRelevance(
                device=device,
                role="source" if device == run.record.plan.source else "target",
                n_clips=len(labels),
                macro_f1=scores[0],
                f1_lost=[scores[0] - score for score in scores[1:]],
                measures={name: Measure(**values) for name, values in measured.items()},
            )
        )
    return found


def _differences(run: StoredRun, devices: list[DeviceRelevance]) -> list[str]:
    """Return where the classifier does not answer as its record says."""
    told = {score.device: score.macro_f1 for score in run.record.scores}
    return [
        f"{device.device}: macro F1 is {device.macro_f1:.4f} here, {told[device.device]:.4f} in "
        "the record (another machine, thread count or version of a plugin)"
        for device in devices
        if abs(device.macro_f1 - told[device.device]) > 1e-9
    ]
