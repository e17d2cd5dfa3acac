"""The child's side of a worker: one task, reports on a pipe, and an end when the parent ends."""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

_OWN = ("describe", "corpus", "features", "artifact", "fit", "predict", "convert", "explain",
        "estimate", "relevance", "impairment")  # fmt: skip
TASKS = {
    **{name: f"devbench.running.{name}_task" for name in _OWN},
    "check": "devbench.plugin_kit.check_task",
}
"""Where the module of each task is."""


class Channel:
    """Reports to the parent, one JSON line each."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lock = threading.Lock()

    def send(self, message: Mapping[str, Any]) -> None:
        """Send one report; 'event' names its kind."""
        data = json.dumps(message, allow_nan=False).encode() + b"\n"
        with self._lock:
            while data:
                data = data[os.write(self._fd, data) :]


class TaskModule(Protocol):
    """What the module of a task offers."""

    def run(self, job: Any, channel: Channel) -> Any:
        """Do the task and return its result as JSON values."""
        ...


def _end_with_parent() -> None:
    while os.read(0, 4096):
        pass
    os._exit(130)


def main() -> int:
    """Run the task named on the command line; the exit code is 0 whenever a report was sent."""
    from devbench.errors import DevbenchError, RunError

    task, fd = sys.argv[1], int(sys.argv[2])
    assert task in TASKS
    os.set_inheritable(fd, False)
    channel = Channel(fd)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        from devbench.files import read_json

        module: TaskModule = importlib.import_module(TASKS[task])
        result = module.run(read_json(Path("job.json")), channel)
        channel.send({"event": "done", "result": result})
    except DevbenchError as error:
        traceback.print_exc()
        channel.send(
            {
                "event": "error",
                "type": type(error).__name__,
                "what": error.what,
                "fix": error.fix,
                "state": error.state if isinstance(error, RunError) else "",
            }
        )
    except BaseException as error:  # noqa: BLE001 - the parent must hear of everything
        traceback.print_exc()
        place = traceback.extract_tb(error.__traceback__)[-1]
        state = "memory" if isinstance(error, MemoryError) else "exception"
        channel.send(
            {
                "event": "error",
                "type": "RunError",
                "what": f"the {task} worker failed: {type(error).__name__}: {str(error)[:300]} "
                f"({Path(place.filename).name}:{place.lineno})",
                "fix": f"its log: {Path.cwd() / 'log.txt'}",
                "state": state,
            }
        )
    sys.stdout.flush()
    os._exit(0)  # no atexit code of plugins after the report


if __name__ == "__main__":
    main()
