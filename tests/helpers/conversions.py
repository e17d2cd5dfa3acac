"""Evaluations of converters, made by hand."""

from __future__ import annotations

import numpy as np

from devbench.benchmark.model import Features
from devbench.results.conversion import Conversion, clip_error, pair_score, score
from devbench.results.record import BenchmarkPlan, CorpusPlan, PartPlan

SHA = "0" * 64
FLOOR_DB = -100.0


def document(*levels: tuple[str, float]) -> Conversion:
    """Return an evaluation whose rows are off by a constant."""
    rows = []
    for name, level in levels:
        error = clip_error(np.full((3, 2), level), np.zeros((3, 2)), floor_db=FLOOR_DB)
        rows.append(score(name, [pair_score("a", "b", [error]), pair_score("a", "c", [error])]))
    return Conversion(
        benchmark=BenchmarkPlan(id="tiny", version=1, sha256=SHA),
        corpus=CorpusPlan(name="tiny", version=1, fingerprint=SHA, provenance="simulated"),
        frontend=PartPlan(
            name="log-mel", version=1, distribution="d", distribution_version="1", code_sha256=SHA
        ),
        split="test",
        fold=0,
        budget="quick",
        seed=0,
        device="cpu",
        threads=1,
        versions={},
        features=Features(),
        bin_hz=[100.0, 200.0],
        rows=rows,
    )
