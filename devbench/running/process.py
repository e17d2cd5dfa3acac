"""Worker processes: foreign code runs in a child of its own, under limits, and ends with us.

The child gets a scratch folder with job.json, a pipe to report on, and a standard input that stays
open as long as we live: when it closes, the child ends itself. Reports are JSON lines. Nothing a
child says is a score; predictions and weights are checked by whoever receives them.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from devbench import errors
from devbench.errors import DevbenchError, PluginError, RunError
from devbench.files import disk_errors, pretty_json
from devbench.running.sandbox import Sandbox

Task = Literal["describe", "corpus", "features", "artifact", "fit", "predict", "convert", "explain",
               "estimate", "relevance", "impairment", "check"]  # fmt: skip
Report = Callable[[Mapping[str, Any]], None]

POLL_S = 0.05
FAMILY_POLL_S = 1.0
MAX_LINE_BYTES = 8 * 2**20
MARK = "DEVBENCH_WORKER"
KEPT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONPATH", "CUDA_VISIBLE_DEVICES",
        "CUDA_DEVICE_ORDER", "NVIDIA_VISIBLE_DEVICES", "SYSTEMROOT",
        "COVERAGE_PROCESS_START")  # fmt: skip


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """What one worker may use: wall-clock seconds, MiB of memory of its family, MiB of scratch."""

    wall_s: float = 600.0
    memory_mb: int = 16_000
    scratch_mb: int = 20_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a worker returned: its result, its wall-clock seconds, its peak memory in MiB."""

    result: Any
    wall_s: float
    peak_memory_mb: float


def run_worker(
    task: Task,
    job: Mapping[str, Any],
    *,
    scratch: Path,
    limits: WorkerLimits,
    threads: int = 1,
    on_report: Report | None = None,
    sandbox: Sandbox | None = None,
) -> Outcome:
    """Run a task in a child process and return what it returned.

    scratch: the child's working folder; made if missing; its log stays there as log.txt.
    sandbox: what it may read beside that; None runs a plain process, which sees what the user sees.
    on_report: receives every report ({"event": ...}) that is neither result nor error.
    Raises the DevbenchError that the child reported, or RunError when it died or broke a limit.
    """
    scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in ("home", "tmp"):
        (scratch / name).mkdir(exist_ok=True)
    with disk_errors(scratch):
        (scratch / "job.json").write_bytes(pretty_json(job))
        log = (scratch / "log.txt").open("ab")
    mark = secrets.token_hex(8)
    read_end, write_end = os.pipe()
    started = time.monotonic()
    words = [sys.executable, "-P", "-m", "devbench.running.worker", task, str(write_end)]
    try:
        child = subprocess.Popen(
            words if sandbox is None else sandbox.command(scratch, words),
            cwd=scratch,
            env=_environment(scratch, threads, mark),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=(write_end,),
            start_new_session=True,
        )
    except BaseException:
        os.close(read_end)
        raise
    finally:
        os.close(write_end)
        log.close()
    watch = _Watch(child, scratch, limits, started)
    try:
        result = _listen(child, read_end, watch, on_report, task)
    finally:
        os.close(read_end)
        _end(child, mark)
    return Outcome(result, time.monotonic() - started, watch.peak_mb)


def _environment(scratch: Path, threads: int, mark: str) -> dict[str, str]:
    env = {name: os.environ[name] for name in KEPT if name in os.environ}
    count = str(threads)
    env |= {
        "HOME": str(scratch / "home"),
        "USER": "devbench",  # torch asks for a name, and a sandbox has no list of users
        "TMPDIR": str(scratch / "tmp"),
        "OMP_NUM_THREADS": count,
        "MKL_NUM_THREADS": count,
        "OPENBLAS_NUM_THREADS": count,
        "OMP_WAIT_POLICY": "PASSIVE",  # threads that spin for each other stop a shared machine
        "PYTHONHASHSEED": "0",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # what deterministic CUDA products need
        MARK: mark,
    }
    return env


class _Watch:
    """Limits of one child and its family."""

    def __init__(
        self, child: subprocess.Popen[bytes], scratch: Path, limits: WorkerLimits, started: float
    ) -> None:
        import psutil

        self.peak_mb = 0.0
        self.log = scratch / "log.txt"
        self._scratch = scratch
        self._limits = limits
        self._started = started
        self._family: list[psutil.Process] = []
        self._next_family = 0.0
        with contextlib.suppress(psutil.Error):
            self._family = [psutil.Process(child.pid)]

    def check(self) -> None:
        """Raise RunError when a limit is broken."""
        import psutil

        now = time.monotonic()
        limits = self._limits
        if now - self._started > limits.wall_s:
            raise RunError(
                f"the worker took more than {limits.wall_s:g} s",
                fix="the limit is [limits] wall_s of the benchmark; a training goes on at its last "
                f"checkpoint when the command is typed again; its log: {self.log}",
                state="timeout",
            )
        if now >= self._next_family and self._family:
            self._next_family = now + FAMILY_POLL_S
            with contextlib.suppress(psutil.Error):
                first = self._family[0]
                self._family = [first, *first.children(recursive=True)]
            used = bytes_in(self._scratch) / 2**20
            if used > limits.scratch_mb:
                raise RunError(
                    f"the worker wrote {used:.0f} MiB where {limits.scratch_mb} are allowed",
                    fix=f"the limit is [limits] scratch_mb of the benchmark; its log: {self.log}",
                    state="disk",
                )
        memory_mb = 0.0
        for process in self._family:
            with contextlib.suppress(psutil.Error):
                memory_mb += process.memory_info().rss / 2**20
        self.peak_mb = max(self.peak_mb, memory_mb)
        if memory_mb > limits.memory_mb:
            raise RunError(
                f"the worker used {memory_mb:.0f} MiB where {limits.memory_mb} are allowed",
                fix=f"the limit is [limits] memory_mb of the benchmark; its log: {self.log}",
                state="memory",
            )


def bytes_in(folder: Path) -> int:
    """Return the size of all files below a folder in which another process writes."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):  # gone since it was listed: renamed, or removed
                total += Path(root, name).lstat().st_size
    return total


def _listen(
    child: subprocess.Popen[bytes],
    read_end: int,
    watch: _Watch,
    on_report: Report | None,
    task: str,
) -> Any:
    buffer = b""
    while True:
        watch.check()
        has_ended = child.poll() is not None  # asked first: what it sent before is in the pipe
        ready, _, _ = select.select([read_end], [], [], POLL_S)
        data = os.read(read_end, 1 << 16) if ready else b""
        if ready and not data:  # the child closed its pipe without a result
            raise _died(child, task, watch.log)
        if not ready and has_ended:
            raise _died(child, task, watch.log)  # it died, and a grandchild holds the pipe open
        buffer += data
        *lines, buffer = buffer.split(b"\n")
        if len(buffer) > MAX_LINE_BYTES:
            raise PluginError("the worker's report has no end", fix=f"its log: {watch.log}")
        for line in lines:
            message = _parse(line)
            if message["event"] == "done":
                return message.get("result")
            if message["event"] == "error":
                raise _error_of(message)
            if on_report is not None:
                on_report(message)


def _parse(line: bytes) -> dict[str, Any]:
    try:
        message = json.loads(line)
    except ValueError:
        message = None
    if not isinstance(message, dict) or not isinstance(message.get("event"), str):
        raise PluginError(
            f"the worker reported {line[:80]!r}, which is no report",
            fix="a plugin wrote to the report pipe; it must not",
        )
    return message


def _error_of(message: Mapping[str, Any]) -> DevbenchError:
    what, fix = str(message.get("what", "")), str(message.get("fix", ""))
    kind = getattr(errors, str(message.get("type")), RunError)
    if not (isinstance(kind, type) and issubclass(kind, DevbenchError)):
        kind = RunError
    if issubclass(kind, RunError):
        return kind(what, fix=fix, state=str(message.get("state", "exception")))
    return kind(what, fix=fix)


def _died(child: subprocess.Popen[bytes], task: str, log: Path) -> DevbenchError:
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(2.0)
    code = child.returncode
    how = "closed its pipe" if code is None else f"ended with exit code {code}"
    if code is not None and code < 0:
        how = f"was ended by {signal.Signals(-code).name}"
    return RunError(
        f"the {task} worker {how} without a result",
        fix=f"a plugin may have ended the process; its log: {log}",
        state="killed" if code is not None and code < 0 else "plugin",
    )


def _end(child: subprocess.Popen[bytes], mark: str) -> None:
    """End the child and all that it started, also what left its process group."""
    import psutil

    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    if child.stdin:
        child.stdin.close()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == mark:
                process.kill()
