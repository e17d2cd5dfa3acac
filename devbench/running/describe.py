"""What plugins say of themselves, asked in a child process and remembered for no longer than a call."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from devbench.registry import PluginRef
from devbench.running.process import WorkerLimits, run_worker

LIMITS = WorkerLimits(wall_s=60.0, memory_mb=4000, scratch_mb=100)


def describe(
    refs: Sequence[PluginRef], settings: Mapping[str, Mapping[str, str]] | None = None
) -> dict[str, dict[str, Any]]:
    """Return the description of each plugin by kind; a broken plugin raises PluginError.

    settings: --set texts by kind; options are resolved and the method is built once to check them.
    """
    with tempfile.TemporaryDirectory(prefix="devbench-describe-") as folder:
        job = {"plugins": [ref.to_dict() for ref in refs], "settings": settings or {}}
        outcome = run_worker("describe", job, scratch=Path(folder), limits=LIMITS)
    found: dict[str, dict[str, Any]] = outcome.result
    return found
