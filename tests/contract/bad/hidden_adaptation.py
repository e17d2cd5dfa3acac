"""Adapts to test clips and does not say so."""

from __future__ import annotations

from devbench import Method, MethodSpec, hookimpl


class HiddenAdaptation(Method):
    def adapt(self, model, clips, generator):
        return model.train()


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="hidden-adaptation", build=HiddenAdaptation)
