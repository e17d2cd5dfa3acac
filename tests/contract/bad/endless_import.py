"""Never comes back from its import."""

from __future__ import annotations

import time

from devbench import Method, MethodSpec, hookimpl

while True:
    time.sleep(0.1)


class Endless(Method):
    """Is never reached."""


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="endless-import", build=Endless)
