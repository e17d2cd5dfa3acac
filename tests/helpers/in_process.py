"""Worker tasks in the process of the test: what comes out is the same, and torch is loaded once.

A worker takes seconds to begin, nearly all of it for importing torch. Limits, guard, sandbox and
the death of workers have tests of their own; so has each task as a worker, once.
"""

from __future__ import annotations

import contextlib
import importlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from devbench.running.guard import install
from devbench.running.process import Outcome, WorkerLimits, run_worker
from devbench.running.sandbox import Sandbox
from devbench.running.worker import TASKS, Channel

CALLERS = ("artifacts", "collecting", "corpus", "describe", "features", "predict", "stored_run")
"""Modules of devbench.running that start workers by name."""


class _Reports:
    """What a task sends, as its parent reads it."""

    def __init__(self, on_report: Callable[[Mapping[str, Any]], None] | None) -> None:
        self._on_report = on_report

    def send(self, message: Mapping[str, Any]) -> None:
        told = json.loads(json.dumps(message, allow_nan=False))
        if self._on_report is not None:
            self._on_report(told)


def run_here(
    task: str,
    job: Mapping[str, Any],
    *,
    scratch: Path,
    limits: WorkerLimits,
    threads: int = 1,
    on_report: Callable[[Mapping[str, Any]], None] | None = None,
    sandbox: Sandbox | None = None,
) -> Outcome:
    """Do what `run_worker` does, without a process: no limits, no guard, no sandbox."""
    assert sandbox is None
    scratch.mkdir(parents=True, exist_ok=True)
    with _torch_as_it_was(), contextlib.chdir(scratch):
        module = importlib.import_module(TASKS[task])
        reports = cast(Channel, _Reports(on_report))
        result = module.run(json.loads(json.dumps(job)), reports)
        return Outcome(json.loads(json.dumps(result, allow_nan=False)), 0.0, 0.0)


@contextlib.contextmanager
def _torch_as_it_was() -> Iterator[None]:
    import torch

    is_strict = torch.are_deterministic_algorithms_enabled()
    n_threads, state = torch.get_num_threads(), torch.get_rng_state()
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(is_strict)
        torch.set_num_threads(n_threads)
        torch.set_rng_state(state)


@contextlib.contextmanager
def without_workers() -> Iterator[None]:
    """Let every task run in this process."""
    with pytest.MonkeyPatch.context() as patch:
        for name in CALLERS:
            patch.setattr(f"devbench.running.{name}.run_worker", run_here)
        patch.setattr("devbench.running.guard.install", lambda *_, **__: lambda folder: None)
        yield


@contextlib.contextmanager
def with_workers() -> Iterator[None]:
    """Let tasks be processes again, inside of `without_workers`."""
    with pytest.MonkeyPatch.context() as patch:
        for name in CALLERS:
            patch.setattr(f"devbench.running.{name}.run_worker", run_worker)
        patch.setattr("devbench.running.guard.install", install)
        yield
