"""Observers watch a run from a process of their own; a broken one costs its own log, nothing else.

They receive the plan, the epochs and the record as JSON values, in order, from a thread that no
run waits for before its end; a sweep tells them of its own. Whoever dies, hangs or raises is named
in a warning and, after a death or a silence, dropped: the others go on in a new process.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from devbench import registry
from devbench.errors import DevbenchError
from devbench.registry import PluginRef

TIMEOUT_S = 120.0
CHOICE_VARIABLE = "DEVBENCH_OBSERVERS"
_POLL_S = 0.5
_FAREWELL_S = 5.0
"""How long the child may take to end by itself, its own threads and exit handlers included."""
_MAX_LINE_BYTES = 2**20
_MAX_WARNING = 600  # characters


class ObserverFault(Exception):
    """The child died or was silent too long while it worked for the observer that is named."""

    def __init__(self, observer: str, what: str) -> None:
        super().__init__(what)
        self.observer = observer


def enabled_observers() -> tuple[list[PluginRef], list[str]]:
    """Return the observers to tell, and warnings about those that cannot be told.

    $DEVBENCH_OBSERVERS: names separated by commas, or none; without it, all that are installed.
    """
    choice = os.environ.get(CHOICE_VARIABLE, "").strip()
    if choice == "none":
        return [], []
    offers = registry.installed("observer")
    wanted = [name.strip() for name in choice.split(",") if name.strip()] or list(offers)
    refs: list[PluginRef] = []
    warnings: list[str] = []
    for name in wanted:
        try:
            refs.append(registry.find("observer", name))
        except DevbenchError as error:
            warnings.append(_clean(f"{error.what} (fix: {error.fix})"))
    return refs, warnings


class Observers:
    """The observers of one run; no method raises, and only `finished` and `close` wait.

    refs: whom to tell; None for `enabled_observers`. log: file for what they print.
    timeout_s: how long one observer may take for one hook.
    """

    def __init__(
        self,
        refs: Sequence[PluginRef] | None = None,
        *,
        log: Path | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._warnings: list[str] = []
        if refs is None:
            refs, self._warnings = enabled_observers()
        self._talk = _Talk(list(refs), log, timeout_s, self._warnings)
        self._messages: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._is_ending = threading.Event()
        self._thread: threading.Thread | None = None
        if refs:
            self._thread = threading.Thread(target=self._serve, daemon=True)
            self._thread.start()

    def __enter__(self) -> Observers:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def started(self, plan: Mapping[str, Any]) -> None:
        """Tell of a run that begins."""
        self._send("run_started", plan=plan)

    def epoch(self, plan: Mapping[str, Any], epoch: Mapping[str, Any]) -> None:
        """Tell of an epoch that ended."""
        self._send("epoch_finished", plan=plan, epoch=epoch)

    def finished(self, record: Mapping[str, Any], store: Path) -> list[str]:
        """Tell of a record on disk, wait until every observer has heard it, return all warnings.

        Epochs that a slow observer has not heard by now are not told any more.
        """
        return self._last("run_finished", record=record, store=str(store.absolute()))

    def sweep_finished(self, sweep: Mapping[str, Any], store: Path) -> list[str]:
        """Tell of a sweep that ended, wait until all observers have heard it, return warnings."""
        return self._last("sweep_finished", sweep=sweep, store=str(store.absolute()))

    def _last(self, hook: str, **arguments: Any) -> list[str]:
        self._is_ending.set()
        self._send(hook, **arguments)
        self._messages.put(None)
        try:
            if self._thread is not None:
                self._thread.join(self._talk.longest_s())
        finally:
            self.close()
        return list(self._warnings)

    def close(self) -> None:
        """End the child, also in the middle of a hook."""
        self._is_ending.set()
        self._talk.stop()
        self._messages.put(None)
        if self._thread is not None:
            self._thread.join(timeout=5.0)

    def _send(self, hook: str, **arguments: Any) -> None:
        if self._thread is not None:
            self._messages.put({"hook": hook, "arguments": arguments})

    def _serve(self) -> None:
        skipped = 0
        try:
            while (message := self._messages.get()) is not None:
                if self._is_ending.is_set() and message["hook"] == "epoch_finished":
                    skipped += 1
                    continue
                self._talk.tell(message)
        except Exception as error:  # noqa: BLE001 - observers never harm a run
            self._warnings.append(_clean(f"observers: {type(error).__name__}: {error}"))
        finally:
            self._talk.farewell()
        if skipped:
            self._warnings.append(f"observers were too slow for the last {skipped} epochs")


class _Talk:
    """The child and what is said to it."""

    def __init__(
        self, refs: list[PluginRef], log: Path | None, timeout_s: float, warnings: list[str]
    ) -> None:
        self._refs = refs
        self._log = log
        self._timeout_s = timeout_s
        self._warnings = warnings
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._buffer = b""

    def longest_s(self) -> float:
        """Return after how long all that is to be told is told, however the observers behave."""
        return (len(self._refs) + 1) * self._timeout_s + _FAREWELL_S

    def tell(self, message: Mapping[str, Any]) -> None:
        """Have every observer hear a message, without those that bring the child down."""
        heard: set[str] = set()
        while self._refs and not self._stopped.is_set():
            hook = "load"
            try:
                if self._child is None:
                    self._start()
                    offers = [ref.to_dict() for ref in self._refs]
                    self._exchange({"hook": "load", "observers": offers}, set())
                hook = message["hook"]
                self._exchange({**message, "skip": sorted(heard)}, heard)
            except ObserverFault as fault:
                self._kill()
                if not self._stopped.is_set():
                    self._drop(fault, hook)
            else:
                return

    def stop(self) -> None:
        """End the child for good."""
        self._stopped.set()
        self._kill()

    def farewell(self) -> None:
        """Let the child end by itself, then make sure."""
        child = self._child
        if child is not None and child.stdin is not None:
            with contextlib.suppress(OSError):
                child.stdin.close()
            end = time.monotonic() + _FAREWELL_S
            # Not reaped yet: until `_kill` its number cannot become another process's.
            look = os.WEXITED | os.WNOHANG | os.WNOWAIT
            while time.monotonic() < end and not self._stopped.is_set():
                with contextlib.suppress(ChildProcessError):
                    if os.waitid(os.P_PID, child.pid, look) is None:
                        time.sleep(0.02)
                        continue
                break
        self.stop()

    def _drop(self, fault: ObserverFault, hook: str) -> None:
        if not fault.observer:  # it died between two hooks: no one can be blamed
            self._refs.clear()
            self._warn("observers", f"{fault}; none hears more of this run")
            return
        self._forget(fault.observer)
        self._warn(f"observer {fault.observer!r}", f"{fault} in {hook}; it hears no more")

    def _forget(self, name: str) -> None:
        self._refs[:] = [ref for ref in self._refs if ref.name != name]

    def _start(self) -> None:
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        with contextlib.ExitStack() as stack:
            log: Any = subprocess.DEVNULL
            if self._log is not None:
                with contextlib.suppress(OSError):
                    self._log.parent.mkdir(parents=True, exist_ok=True)
                    log = stack.enter_context(self._log.open("ab"))
            with self._lock:
                if self._stopped.is_set():
                    raise ObserverFault("", "stopped")
                self._buffer = b""
                self._child = subprocess.Popen(
                    [sys.executable, "-P", "-m", "devbench.running.observer_worker"],
                    env=environment,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    start_new_session=True,
                )

    def _exchange(self, message: Mapping[str, Any], heard: set[str]) -> None:
        """Send one message and take reports until it is done; add to heard who has heard it."""
        child = self._child
        assert child is not None and child.stdin is not None
        try:
            child.stdin.write(json.dumps(message).encode() + b"\n")
            child.stdin.flush()
        except (OSError, ValueError) as error:
            raise ObserverFault("", "their process ended") from error
        active = ""
        deadline = time.monotonic() + self._timeout_s
        while True:
            for report in self._reports(child, active, deadline):
                name = str(report.get("observer", ""))
                match report.get("event"):
                    case "calling":
                        active, deadline = name, time.monotonic() + self._timeout_s
                    case "called":
                        active = ""
                        heard.add(name)
                    case "warning":
                        what = str(report.get("what", ""))
                        self._warn(f"observer {name!r} failed in {message['hook']}", what)
                        if message["hook"] == "load":
                            self._forget(name)
                    case "done":
                        return

    def _reports(
        self, child: subprocess.Popen[bytes], active: str, deadline: float
    ) -> list[dict[str, Any]]:
        assert child.stdout is not None
        try:
            ready, _, _ = select.select([child.stdout], [], [], _POLL_S)
            data = os.read(child.stdout.fileno(), 1 << 16) if ready else b""
        except (OSError, ValueError) as error:  # closed by `stop`
            raise ObserverFault(active, "was stopped") from error
        if ready and not data:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(2.0)
            raise ObserverFault(active, f"ended the process with exit code {child.returncode}")
        if not ready and time.monotonic() > deadline:
            raise ObserverFault(active, f"took more than {self._timeout_s:g} s")
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        if len(self._buffer) > _MAX_LINE_BYTES:
            raise ObserverFault(active, "wrote a line without end to the report pipe")
        return [report for line in lines if (report := _parsed(line)) is not None]

    def _warn(self, who: str, what: str) -> None:
        self._warnings.append(_clean(f"{who}: {what}"))

    def _kill(self) -> None:
        with self._lock:
            child, self._child = self._child, None
        if child is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def _parsed(line: bytes) -> dict[str, Any] | None:
    """Return a report, or None for a line that is none."""
    try:
        report = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return report if isinstance(report, dict) else None


def _clean(text: str) -> str:
    """Return text as one printable line of bounded length."""
    line = "".join(c if c.isprintable() else " " for c in text)
    return line if len(line) <= _MAX_WARNING else line[: _MAX_WARNING - 1] + "…"
