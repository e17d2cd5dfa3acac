"""A record and a sweep as observers are told of them: three devices, three classes, invented."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from devbench.files import canonical_json, sha256_bytes
from devbench.plugin_kit.made_up import made_up_plan, made_up_record
from devbench.results.metrics import score_counts
from devbench.results.record import DeviceScore

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
    plan = made_up_plan(benchmark="tiny", devices=DEVICES)
    scores = [_score(device, n_right) for device, n_right in zip(DEVICES, (3, 2, 1), strict=True)]
    record = made_up_record(plan, scores, classes=CLASSES)
    return record.model_dump(mode="json", by_alias=True)


def example_sweep(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON values of a sweep of two runs, of which the record is one."""
    plan = record["plan"]
    grid = {
        "benchmark": plan["benchmark"]["id"],
        "methods": [plan["method"]["name"]],
        "sources": [plan["source"]],
        "seeds": [plan["seed"], plan["seed"] + 1],
        "folds": [plan["fold"]],
        "backbones": [None],
        "frontends": [None],
        "budget": plan["budget"],
        "settings": {},
        "device": plan["device"],
        "threads": plan["threads"],
    }
    return {
        "sweep_id": sha256_bytes(canonical_json(grid))[:12],
        "benchmark": plan["benchmark"]["id"],
        "grid": grid,
        "cells": {record["run_id"]: "done", sha256_bytes(b"another run"): "failed"},
    }


def _score(device: str, n_right: int) -> DeviceScore:
    """Return the score of three clips per class, n_right of each class answered rightly."""
    import numpy as np

    right = np.eye(3, dtype=np.int64)
    counts = n_right * right + (3 - n_right) * np.roll(right, 1, axis=1)
    role: Literal["source", "target"] = "source" if device == DEVICES[0] else "target"
    return score_counts(device=device, role=role, counts=counts)
