"""Is written for a contract that there is not yet."""

from __future__ import annotations

from devbench import Method, MethodSpec, hookimpl


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="wrong-api", build=Method, api=99)
