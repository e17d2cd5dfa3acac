"""Takes the name of a built-in method."""

from __future__ import annotations

from devbench import Method, MethodSpec, hookimpl


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="baseline", build=Method)
