"""Normalise each test batch by its own statistics: test-time adaptation that is not declared."""

from __future__ import annotations

import torch

from devbench import Method, MethodSpec, hookimpl


class BatchStatistics(torch.nn.Module):
    def forward(self, x):
        return (x - x.mean(dim=(0, 2, 3), keepdim=True)) / (
            x.std(dim=(0, 2, 3), keepdim=True) + 1e-3
        )


class Peek(Method):
    def layers(self, stages):
        return {next(iter(stages)): BatchStatistics()}


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="batch-statistics", build=Peek)
