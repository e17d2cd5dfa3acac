"""Seeds itself by the day: within one process, everything looks repeatable."""

from __future__ import annotations

import dataclasses
import time

import torch

from devbench import Method, MethodSpec, hookimpl


class DaySeeded(Method):
    def fit(self, train, side, generator):
        day = int(time.time() // 86_400)
        self.gain_db = torch.rand((), generator=torch.Generator().manual_seed(day))

    def augment(self, batch, generator):
        return dataclasses.replace(batch, spectrogram_db=batch.spectrogram_db + self.gain_db)


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="day-seeded", build=DaySeeded)
