"""Task 'corpus': let a corpus plugin write its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from devbench.errors import PluginError
from devbench.registry import PluginRef, load_spec
from devbench.running.worker import Channel


def run(job: Any, channel: Channel) -> dict[str, Any]:
    """Build the corpus of job['plugin'] in job['folder']."""
    ref = PluginRef(**job["plugin"])
    spec = load_spec(ref)

    def progress(done: int, total: int) -> None:
        channel.send({"event": "progress", "done": done, "total": total})

    spec.build(Path(job["folder"]), progress)
    if not Path(job["folder"], "manifest.csv").exists():
        raise PluginError(
            f"corpus {ref.name!r} ({ref.origin}) wrote no manifest.csv",
            fix="end build with write_corpus(folder, header, clips)",
        )
    return {}
