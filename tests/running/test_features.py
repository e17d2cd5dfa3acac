"""Features are computed under the limits that the benchmark gives a phase."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from devbench.running import features
from devbench.running.process import WorkerLimits
from helpers.runs import World


class Asked(Exception):
    """Carries what a worker was asked with."""


def test_a_large_corpus_may_use_what_its_benchmark_allows(
    tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_worker(*_: object, limits: WorkerLimits, **__: Any) -> None:
        raise Asked(limits)

    world = World.make(tmp_path, tiny_data, memory_mb="48000", scratch_mb="60000")
    planned = world.plan("baseline")
    monkeypatch.setattr(features, "run_worker", run_worker)
    with pytest.raises(Asked) as caught:
        features.ensure_features(planned, store=world.store.folder, on_progress=lambda d, t: None)
    limits = caught.value.args[0]
    assert limits == planned.limits
    assert (limits.memory_mb, limits.scratch_mb) == (48_000, 60_000)


def test_features_are_on_the_disk_before_they_have_their_name(
    tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing looks at their content again: zeros after a power failure would count as sound."""
    synced: set[int] = set()
    sync = os.fsync

    def note(handle: int) -> None:
        synced.add(os.fstat(handle).st_ino)
        sync(handle)

    world = World.make(tmp_path, tiny_data)
    planned = world.plan("baseline")
    monkeypatch.setattr(os, "fsync", note)
    cache = features.ensure_features(
        planned, store=world.store.folder, on_progress=lambda d, t: None
    )
    arrays = list(cache.folder.rglob("*.npy"))
    assert len(arrays) == 2 * len(planned.benchmark.devices)
    assert {path.stat().st_ino for path in arrays} <= synced
