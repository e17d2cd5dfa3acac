"""Draws by the number of its process: only two whole runs can differ by that."""

from __future__ import annotations

import dataclasses
import os

from devbench import Method, MethodSpec, hookimpl


class PidSeeded(Method):
    def augment(self, batch, generator):
        gain_db = os.getpid() % 1000 / 100
        return dataclasses.replace(batch, spectrogram_db=batch.spectrogram_db + gain_db)


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="pid-seeded", build=PidSeeded)
