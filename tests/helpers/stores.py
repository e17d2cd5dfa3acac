"""Stores of small runs: bounds and methods from every device, some with several seeds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devbench.results.store import Store
from helpers.records import DEVICES, MadeRun, make_run

SKILLS: Mapping[str, float] = {"baseline": 0.5, "ideal": 6.0, "freq-mixstyle": 2.0}


def filled_store(folder: Path, skills: Mapping[str, float] = SKILLS, **more: Any) -> Store:
    """Return a store with a run of each method from every device."""
    store = Store(folder)
    devices = more.pop("devices", DEVICES)
    for method, skill in skills.items():
        for source in devices:
            put(store, make_run(method=method, source=source, skill=skill, devices=devices, **more))
    return store


def put(store: Store, run: MadeRun) -> None:
    """Write a run with all that belongs to it."""
    store.publish(run.record, run.logits, run.weights)
