"""Sets torch's default type for everybody."""

from __future__ import annotations

import torch

from devbench import Method, MethodSpec, hookimpl


class SetsDefault(Method):
    def fit(self, train, side, generator):
        torch.set_default_dtype(torch.float64)


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="sets-default", build=SetsDefault)
