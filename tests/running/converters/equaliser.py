"""A fixed curve, whatever the target."""

from __future__ import annotations

import dataclasses

import torch

from devbench import Method, MethodSpec, hookimpl


class Equaliser(Method):
    def __init__(self, lift_db: float = 0.0) -> None:
        self.lift_db = lift_db

    def convert(self, batch, target, generator):
        curve_db = self.lift_db + 6.0 * torch.sin(0.5 * torch.log2(batch.bin_hz / 400.0))
        changed = batch.spectrogram_db + curve_db[None, None, :, None]
        return dataclasses.replace(batch, spectrogram_db=changed)


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="equaliser", build=Equaliser)
