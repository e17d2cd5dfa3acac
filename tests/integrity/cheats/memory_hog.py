"""Take memory without end."""

from __future__ import annotations

from devbench import Method, MethodSpec, hookimpl


class MemoryHog(Method):
    def augment(self, batch, generator):
        import time

        held = []
        while True:
            held.append(bytearray(b"x" * 50_000_000))
            time.sleep(0.01)


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="memory-hog", build=MemoryHog)
