"""Has a hook that is misspelt, so that nothing is offered."""

from __future__ import annotations

from devbench import Method, MethodSpec, hookimpl


@hookimpl
def devbench_metod() -> MethodSpec:
    return MethodSpec(name="misspelt-hook", build=Method)
