"""Cells on this machine: as many side by side as there are slots, each in its own process."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from devbench.errors import EXIT_INTERRUPTED
from devbench.sweeping.cell import request_document
from devbench.sweeping.cells import Cell

GRACE_S = 20.0
"""How long interrupted cells may take to end their workers before they are killed."""
POLL_S = 1.0
MAX_SAID = 2000


@dataclass(frozen=True, slots=True)
class Ended:
    """How a cell ended. code: as the command line's; mean_targets: None unless it is 0."""

    cell: Cell
    code: int
    seconds: float
    mean_targets: float | None = None
    what: str = ""
    fix: str = ""


class Watcher(Protocol):
    """Who is told what happens; all calls come from the thread that runs the sweep."""

    def begun(self, slot: int, cell: Cell) -> None:
        """Tell that a cell begins."""
        ...

    def told(self, slot: int, cell: Cell, message: Mapping[str, Any]) -> None:
        """Tell what a cell said: a phase, an epoch, a warning."""
        ...

    def ended(self, slot: int, ended: Ended) -> None:
        """Tell how a cell ended."""
        ...


@dataclass(slots=True)
class _Running:
    cell: Cell
    process: subprocess.Popen[str]
    started: float
    last: dict[str, Any]
    log: Path


def run_cells(
    cells: Sequence[Cell],
    *,
    n_jobs: int,
    data: Path | None,
    store: Path,
    logs: Path,
    watcher: Watcher,
    keep: Callable[[Ended], None],
    n_gpus: int = 0,
) -> list[Ended]:
    """Run cells in order, n_jobs side by side, and return how each ended.

    What a cell writes on standard error is kept in logs/<run_id>.txt when it fails. keep: is given
    each end first, so that it is written down whatever happens next. n_gpus: slots take
    turns on so many GPUs. KeyboardInterrupt ends the running cells, resumable, and is raised.
    """
    logs.mkdir(parents=True, exist_ok=True)
    waiting, running, found = list(reversed(cells)), {}, []  # type: ignore[var-annotated]
    said: queue.Queue[tuple[int, str | None]] = queue.Queue()
    try:
        while waiting or running:
            for slot in range(n_jobs):
                if waiting and slot not in running:
                    cell = waiting.pop()
                    running[slot] = _start(cell, slot, said, data, store, logs, n_gpus)
                    watcher.begun(slot, cell)
            slot, line = _next(said)
            if line is not None:
                _take(slot, line, running[slot], watcher)
                continue
            ended = _ended(running.pop(slot))
            found.append(ended)
            keep(ended)
            watcher.ended(slot, ended)
    finally:
        _stop(list(running.values()))
    return found


def _next(said: queue.Queue[tuple[int, str | None]]) -> tuple[int, str | None]:
    while True:  # a cluster interrupts by a flag, which a wait without an end does not see
        with contextlib.suppress(queue.Empty):
            return said.get(timeout=POLL_S)


def _start(  # noqa: PLR0917 - private, and each is one thing
    cell: Cell,
    slot: int,
    said: queue.Queue[tuple[int, str | None]],
    data: Path | None,
    store: Path,
    logs: Path,
    n_gpus: int,
) -> _Running:
    log = logs / f"{cell.run_id}.txt"
    env = dict(os.environ)
    if n_gpus > 1:
        env["CUDA_VISIBLE_DEVICES"] = gpu_of(slot, n_gpus, env.get("CUDA_VISIBLE_DEVICES"))
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "devbench.sweeping.cell"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=env,
            text=True,
            start_new_session=True,  # Ctrl-C reaches the sweep alone, which interrupts its cells
        )
    assert process.stdin is not None and process.stdout is not None
    job = {"request": request_document(cell.request), "store": str(store.absolute()),
           "data": str(data.absolute()) if data else None}  # fmt: skip
    with contextlib.suppress(BrokenPipeError):  # it died at once; its end tells
        process.stdin.write(json.dumps(job) + "\n")
        process.stdin.flush()

    def listen() -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                said.put((slot, line))
        process.wait()
        said.put((slot, None))

    threading.Thread(target=listen, daemon=True).start()
    return _Running(cell, process, time.monotonic(), {}, log)


def gpu_of(slot: int, n_gpus: int, visible: str | None) -> str:
    """Return the GPU of a slot, by its name in `visible` where the user shows a part of them."""
    names = [name.strip() for name in (visible or "").split(",") if name.strip()]
    return (names[:n_gpus] or [str(n) for n in range(n_gpus)])[slot % n_gpus]


def _take(slot: int, line: str, running: _Running, watcher: Watcher) -> None:
    try:
        message = json.loads(line)
    except ValueError:
        return  # something printed by a library
    if isinstance(message, dict) and "event" in message:
        if message["event"] in ("done", "error"):
            running.last = message
        else:
            watcher.told(slot, running.cell, message)


def _ended(running: _Running) -> Ended:
    process, last = running.process, running.last
    _close(process)
    code, seconds = process.returncode, time.monotonic() - running.started
    if code == 0 and last.get("event") == "done":
        running.log.unlink(missing_ok=True)
        return Ended(running.cell, 0, seconds, mean_targets=last["mean_targets"])
    if last.get("event") == "error":
        return Ended(running.cell, code, seconds, what=last["what"], fix=last["fix"])
    if code == EXIT_INTERRUPTED:
        return Ended(running.cell, code, seconds, what="interrupted", fix="")
    with contextlib.suppress(OSError):
        words = running.log.read_bytes()[-MAX_SAID:].decode(errors="replace").strip()
        last = {"what": words.splitlines()[-1]} if words else {}
    what = last.get("what", "it said nothing")
    return Ended(
        running.cell, code, seconds, what=f"its process ended with {code}: {what}",
        fix=f"read {running.log}",
    )  # fmt: skip


def _stop(running: Sequence[_Running]) -> None:
    """Interrupt cells that still run and wait until they have ended their workers."""
    for one in running:
        with contextlib.suppress(ProcessLookupError):
            one.process.send_signal(signal.SIGINT)
    end = time.monotonic() + GRACE_S
    for one in running:
        try:
            one.process.wait(timeout=max(0.1, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            one.process.kill()
            one.process.wait()
        _close(one.process)


def _close(process: subprocess.Popen[str]) -> None:
    """Close the pipe to a process that has ended."""
    assert process.stdin is not None
    with contextlib.suppress(OSError):
        process.stdin.close()
