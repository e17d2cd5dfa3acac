"""Returns targets that sum to 2."""

from __future__ import annotations

import dataclasses

from devbench import Method, MethodSpec, hookimpl


class DoubleTargets(Method):
    def augment(self, batch, generator):
        return dataclasses.replace(batch, target=2 * batch.target)


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="double-targets", build=DoubleTargets)
