"""A method with a mistake."""

from __future__ import annotations

from devbench import Method, MethodSpec, hookimpl


class Divides(Method):
    def augment(self, batch, generator):
        return batch if len(batch) / 0 > 1 else None


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="divides", build=Divides)
