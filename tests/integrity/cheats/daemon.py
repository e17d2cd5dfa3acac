"""Leave a process behind that outlives the run."""

from __future__ import annotations

import ctypes
import time

from devbench import Method, MethodSpec, hookimpl


class Daemon(Method):
    def fit(self, train, side, generator):
        libc = ctypes.CDLL(None)  # the tripwire watches Python's fork; this is the C library's
        if libc.fork() == 0:
            libc.setsid()
            time.sleep(300)


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="daemon", build=Daemon)
