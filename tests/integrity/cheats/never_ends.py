"""Never return from augment, and ignore polite requests to end."""

from __future__ import annotations

import signal
import time

from devbench import Method, MethodSpec, hookimpl


class NeverEnds(Method):
    def augment(self, batch, generator):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            time.sleep(0.1)


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="never-ends", build=NeverEnds)
