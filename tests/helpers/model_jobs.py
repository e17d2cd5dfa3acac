"""The job of a small classifier, for tests of tasks that build one."""

from __future__ import annotations

from devbench.benchmark.model import Features
from devbench.registry import find
from devbench.running.jobs import ModelJob, Part


def model_job(backbone: str = "small-cnn") -> ModelJob:
    """Return the job of a baseline of 5 classes, four channels wide."""
    return ModelJob(
        method=Part(ref=find("method", "baseline").to_dict()),
        backbone=Part(ref=find("backbone", backbone).to_dict(), options={"width": 4}),
        frontend=Part(ref=find("frontend", "log-mel").to_dict()),
        features=Features(),
        needs=[],
        acts_on="spectrogram",
        n_classes=5,
        n_bins=80,
        crop_frames=80,
        mean_db=-40.0,
        std_db=10.0,
        seed=3,
        threads=1,
        device="cpu",
    )
