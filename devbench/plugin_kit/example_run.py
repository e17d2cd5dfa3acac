"""A record as observers are told of it: three devices, three classes, invented scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from devbench.contract.access import track_of
from devbench.files import sha256_bytes
from devbench.results.metrics import summarise
from devbench.results.record import (
    BenchmarkPlan,
    Checks,
    CorpusPlan,
    DeviceScore,
    Epoch,
    MethodPlan,
    Model,
    PartPlan,
    Plan,
    Record,
)

DEVICES = ("phone", "tablet", "watch")
CLASSES = ("hum", "noise", "tick")
EPOCH: Mapping[str, Any] = {
    "epoch": 2,
    "n_epochs": 4,
    "loss": 0.6,
    "val_loss": 0.9,
    "val_macro_f1": 0.75,
    "seconds": 1.5,
    "model": 0,
}
"""A report of an epoch."""


def example_record() -> dict[str, Any]:
    """Return the JSON values of a record."""

    def part(name: str) -> dict[str, Any]:
        return {
            "name": name,
            "version": 1,
            "distribution": "devbench",
            "distribution_version": "0.1.0",
            "code_sha256": sha256_bytes(name.encode()),
        }

    plan = Plan(
        method=MethodPlan(
            **part("baseline"),
            options={},
            opened=[],
            needs=[],
            track=track_of([]),
            acts_on="spectrogram",
            per_target=False,
            is_file=False,
        ),
        backbone=PartPlan(**part("small-cnn")),
        frontend=PartPlan(**part("log-mel")),
        benchmark=BenchmarkPlan(id="tiny", version=1, sha256=sha256_bytes(b"tiny")),
        corpus=CorpusPlan(
            name="tiny", version=1, fingerprint=sha256_bytes(b"corpus"), provenance="simulated"
        ),
        source=DEVICES[0],
        targets=list(DEVICES[1:]),
        fold=0,
        budget="quick",
        seed=0,
        threads=1,
        device="cpu",
        precision="fp32",
        isolation="process",
        versions={"devbench": "0.1.0"},
    )
    scores = [_score(device, n_right) for device, n_right in zip(DEVICES, (3, 2, 1), strict=True)]
    record = Record(
        run_id=plan.run_id,
        plan=plan,
        classes=list(CLASSES),
        scores=scores,
        summary=summarise(scores),
        models=[
            Model(
                target=None,
                weights_sha256=sha256_bytes(b"weights"),
                n_parameters=1234,
                selected_epoch=2,
                history=[
                    Epoch(epoch=1, loss=1.1, val_loss=1.2, val_macro_f1=0.5),
                    Epoch(epoch=2, loss=0.6, val_loss=0.9, val_macro_f1=0.75),
                ],
            )
        ],
        logits_sha256=sha256_bytes(b"logits"),
        checks=Checks(independence="passed", max_difference=1e-7),
        measured={"times_s": {"fit": 12.5, "predict": 0.5}, "peak_memory_mb": {"fit": 300.0}},
    )
    return record.model_dump(mode="json", by_alias=True)


def _score(device: str, n_right: int) -> DeviceScore:
    """Return the score of three clips per class, n_right of each class answered rightly."""
    import numpy as np

    from devbench.results.metrics import macro_f1, weighted_f1

    wrong = 3 - n_right
    counts = np.array(
        [[n_right if row == column else 0 for column in range(3)] for row in range(3)]
    )
    for row in range(3):
        counts[row, (row + 1) % 3] += wrong
    return DeviceScore(
        device=device,
        role="source" if device == DEVICES[0] else "target",
        macro_f1=macro_f1(counts),
        weighted_f1=weighted_f1(counts),
        n_clips=int(counts.sum()),
        confusion=counts.tolist(),
    )
