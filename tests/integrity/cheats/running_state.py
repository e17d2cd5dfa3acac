"""Keep learning while predicting: a buffer that changes in eval mode."""

from __future__ import annotations

import torch

from devbench import Method, MethodSpec, hookimpl


class Drifting(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(1))

    def forward(self, x):
        with torch.no_grad():
            self.mean += 1e-9 * x.mean()
        return x


class RunningState(Method):
    def layers(self, stages):
        return {next(iter(stages)): Drifting()}


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="running-state", build=RunningState)
