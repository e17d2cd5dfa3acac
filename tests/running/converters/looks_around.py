"""A converter that looks for what was not staged."""

from __future__ import annotations

from pathlib import Path

from devbench import Method, MethodSpec, hookimpl


class LooksAround(Method):
    def convert(self, batch, target, generator):
        list(Path("/").glob("*"))
        return batch


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="looks-around", build=LooksAround)
