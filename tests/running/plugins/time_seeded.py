"""Draws that come from the clock instead of the generator."""

from __future__ import annotations

import dataclasses
import time

from devbench import Method, MethodSpec, hookimpl


class TimeSeeded(Method):
    def augment(self, batch, generator):
        noise = time.time_ns() % 1000 / 100
        return dataclasses.replace(batch, spectrogram_db=batch.spectrogram_db + noise)


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="time-seeded", build=TimeSeeded)
