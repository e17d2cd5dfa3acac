"""A layer that is honest in training and returns NaN in use."""

from __future__ import annotations

import torch

from devbench import Method, MethodSpec, hookimpl


class Moody(torch.nn.Module):
    def forward(self, x):
        return x if self.training else x * float("nan")


class NanLogits(Method):
    def layers(self, stages):
        return {next(iter(stages)): Moody()}


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="nan-logits", build=NanLogits)
