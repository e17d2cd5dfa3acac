"""Has an option without a default."""

from __future__ import annotations

from devbench import Method, MethodSpec, hookimpl


class Untyped(Method):
    """Do nothing by a strength."""

    def __init__(self, strength):
        self.strength = strength


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="untyped-option", build=Untyped)
