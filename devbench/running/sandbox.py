"""The sandbox: a worker in namespaces of its own sees code and what it is given, nothing else.

Bubblewrap (bwrap) makes them without privileges where the system allows user namespaces: no
network, no other processes, no home, no store, no other run; beside two small folders in memory,
the folder of the job is all that can be written to. What it stops is what the guard in a plain
process can only catch.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from devbench.errors import ConfigurationError
from devbench.registry import PluginRef
from devbench.running.guard import code_roots

PROGRAM = "bwrap"
SYSTEM = ("/usr", "/bin", "/lib", "/lib32", "/lib64", "/etc/alternatives", "/etc/ld.so.cache",
          "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime", "/opt/cuda",
          "/sys/devices/system/cpu", "/sys/devices/system/node")  # fmt: skip
GPU = ("nvidia*", "dri")
NAMESPACES = ("--unshare-user", "--disable-userns", "--unshare-ipc", "--unshare-pid",
              "--unshare-net", "--unshare-uts", "--unshare-cgroup-try", "--die-with-parent",
              "--new-session", "--cap-drop", "ALL", "--hostname", "devbench")  # fmt: skip
SMALL = str(64 * 2**20)
"""Bytes of the two folders in memory that libraries want to write to."""
PROBE_S = 10.0


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What a worker may read beside its own folder: files and folders, and plugins' packages."""

    readable: tuple[Path, ...] = ()
    plugins: tuple[PluginRef, ...] = ()

    def command(self, scratch: Path, words: Sequence[str]) -> list[str]:
        """Return the command that runs words with scratch as its working folder, seen as it is."""
        shown = [*SYSTEM, *code_roots(self.plugins), *map(str, self.readable)]
        shown = [*shown, *map(os.path.realpath, shown)]  # asked for as spelled, and resolved
        binds = [word for path in _outermost(shown) for word in ("--ro-bind", path, path)]
        devices = [word for pattern in GPU
                   for path in sorted(map(str, Path("/dev").glob(pattern)))
                   for word in ("--dev-bind", path, path)]  # fmt: skip
        own = str(scratch.absolute())
        return [
            PROGRAM, *NAMESPACES, "--proc", "/proc", "--dev", "/dev", *devices,
            "--size", SMALL, "--tmpfs", "/dev/shm", "--size", SMALL, "--tmpfs", "/tmp",  # noqa: S108
            *binds, "--bind", own, own, "--remount-ro", "/dev", "--remount-ro", "/",
            "--chdir", own, "--", *words,
        ]  # fmt: skip


def require_sandbox() -> None:
    """Raise ConfigurationError where no sandbox can be made, with the reason."""
    reason = why_not()
    if reason:
        raise ConfigurationError(
            f"no sandbox on this machine: {reason}",
            fix="install bubblewrap and allow user namespaces, or use --isolation process",
        )


@functools.cache
def why_not() -> str:
    """Return why no sandbox can be made here, '' if it can: one is tried, once per process."""
    if not sys.platform.startswith("linux"):
        return "it needs Linux namespaces"
    if shutil.which(PROGRAM) is None:
        return f"{PROGRAM} is not installed"
    words = [PROGRAM, *NAMESPACES, "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev",
             "--", "true"]  # fmt: skip
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=PROBE_S, check=False, encoding="utf-8"
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    lines = done.stderr.strip().splitlines() or [f"{PROGRAM} ended with {done.returncode}"]
    return "" if done.returncode == 0 else lines[0][:200]


def _outermost(paths: Iterable[str]) -> list[str]:
    """Return what exists of paths, without what lies in another of them."""
    kept: list[str] = []
    for path in sorted({str(Path(path).absolute()) for path in paths if Path(path).exists()}):
        if not any(path.startswith(root.rstrip("/") + "/") for root in kept):
            kept.append(path)
    return kept
