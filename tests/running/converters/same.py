"""A converter that changes nothing."""

from __future__ import annotations

from devbench import Method, MethodSpec, hookimpl


class Same(Method):
    def convert(self, batch, target, generator):
        return batch


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="same", build=Same)
