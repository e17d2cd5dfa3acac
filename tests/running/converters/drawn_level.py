"""A drawn level per clip: the sound of a drawn device must not change on the way."""

from __future__ import annotations

import dataclasses

import torch

from devbench import Method, MethodSpec, hookimpl


class DrawnLevel(Method):
    def convert(self, batch, target, generator):
        gain_db = -10.0 * torch.rand(len(batch), 1, 1, 1, generator=generator)
        return dataclasses.replace(batch, spectrogram_db=batch.spectrogram_db + gain_db)


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="drawn-level", build=DrawnLevel)
