"""One cell in a process of its own: `devbench run` without a terminal, told in lines of JSON.

The process ends, resumable, when the sweep that started it ends: its standard input closes then.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from devbench.errors import EXIT_INTERRUPTED, DevbenchError
from devbench.results.store import Store
from devbench.running.pipeline import plan_run, run
from devbench.running.plan import Request


class LineTalk:
    """Tells what a run does in lines of JSON on standard output."""

    def phase(self, name: str) -> None:
        """Say that a phase begins."""
        say("phase", name=name)

    def progress(self, done: int, total: int) -> None:
        """Say how far the phase is."""

    def epoch(self, report: Mapping[str, Any]) -> None:
        """Tell how far training is."""
        say("epoch", epoch=int(report["epoch"]), n_epochs=int(report["n_epochs"]))

    def artifact(self, report: Mapping[str, Any]) -> None:
        """Tell how far the build of an artifact is."""
        say("artifact", step=int(report["step"]), n_steps=int(report["n_steps"]))

    def warn(self, words: str) -> None:
        """Tell what went wrong without stopping the run."""
        say("warning", words=words)


def say(event: str, **values: Any) -> None:
    """Write one line."""
    sys.stdout.write(json.dumps({"event": event, **values}) + "\n")
    sys.stdout.flush()


def request_document(request: Request) -> dict[str, Any]:
    """Return a request as JSON values."""
    return {**asdict(request), "plugin_file": None, "settings": list(request.settings)}


def run_cell(document: Mapping[str, Any], *, data: Path | None, store: Path) -> int:
    """Carry out a request, say how it ended, and return the exit code."""
    request = Request(**{**document, "settings": tuple(document["settings"])})
    opened, talk = Store(store), LineTalk()
    try:
        planned = plan_run(request, data=data, store=opened.folder, talk=talk)
        say("planned", plan=planned.plan.model_dump(mode="json"))
        finished = run(planned, opened, talk=talk)
    except DevbenchError as error:
        say("error", what=error.what, fix=error.fix)
        return error.exit_code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    say("done", mean_targets=float(finished.record.summary.mean_targets), is_new=finished.is_new)
    return 0


def _end_with(stream: Any) -> None:
    """Interrupt this process when the stream ends: whoever wrote to it is gone."""
    stream.read()
    os.kill(os.getpid(), signal.SIGINT)


def main() -> None:
    """Read one job from the first line of standard input and carry it out."""
    job = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with, args=(sys.stdin,), daemon=True).start()
    data = Path(job["data"]) if job["data"] else None
    code = run_cell(job["request"], data=data, store=Path(job["store"]))
    sys.stdout.flush()
    os._exit(code)  # without waiting for the thread that reads


if __name__ == "__main__":
    main()
