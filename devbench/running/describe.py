"""What plugins say of themselves, asked in a child process."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devbench.errors import PluginError, RunError
from devbench.registry import PluginRef
from devbench.running.process import WorkerLimits, run_worker
from devbench.running.sandbox import Sandbox

if TYPE_CHECKING:
    from devbench.benchmark.model import Features

LIMITS = WorkerLimits(wall_s=60.0, memory_mb=4000, scratch_mb=100)


def describe(
    refs: Sequence[PluginRef],
    settings: Mapping[str, Mapping[str, str]] | None = None,
    *,
    features: Features | None = None,
    cost: bool = False,
    is_sandboxed: bool = False,
) -> dict[str, dict[str, Any]]:
    """Return the description of each plugin by kind; a broken plugin raises PluginError.

    features: of the benchmark; a front end that it does not name is built once to check that it
    fits.
    cost: count parameters and operations of backbones, too, which takes seconds.
    is_sandboxed: the child sees the plugins' code and the folders that settings name, no more.
    settings: --set texts by kind; options are resolved and the method is built once to check them.
    A plugin that ends, hangs or floods the child is named like any other broken one.
    """
    loading = refs[0]

    def note(report: Mapping[str, Any]) -> None:
        nonlocal loading
        number = report.get("number")
        if report["event"] == "plugin" and isinstance(number, int) and 0 <= number < len(refs):
            loading = refs[number]

    with tempfile.TemporaryDirectory(prefix="devbench-describe-") as folder:
        plugins = [ref.to_dict() for ref in refs]
        job = {
            "plugins": plugins,
            "settings": settings or {},
            "features": features.model_dump(mode="json") if features else {},
            "cost": cost,
        }
        try:
            outcome = run_worker(
                "describe",
                job,
                scratch=Path(folder),
                limits=LIMITS,
                on_report=note,
                sandbox=Sandbox(_named(settings or {}), tuple(refs)) if is_sandboxed else None,
            )
        except RunError as error:
            if isinstance(error.__cause__, OSError):  # the disk is full: no fault of the plugin
                raise
            named = f"{loading.kind} {loading.name!r} ({loading.origin})"
            raise PluginError(
                f"{named} cannot be loaded: {error.what}",
                fix="update or uninstall it, or ask its author; other plugins still work",
            ) from error
    found: dict[str, dict[str, Any]] = outcome.result
    return found


def _named(settings: Mapping[str, Mapping[str, str]]) -> tuple[Path, ...]:
    """Return the folders that --set texts name."""
    texts = [text for own in settings.values() for text in own.values()]
    return tuple(Path(text).absolute() for text in texts if Path(text).is_dir())
