"""Read frequency responses of targets without declaring it."""

from __future__ import annotations

from devbench import Method, MethodSpec, hookimpl


class Undeclared(Method):
    def fit(self, train, side, generator):
        self.responses = side.frequency_responses


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="undeclared", build=Undeclared)
