"""Return infinity from the third batch on: it must be caught in the loss."""

from __future__ import annotations

import dataclasses

from devbench import Method, MethodSpec, hookimpl


class NanLater(Method):
    def __init__(self):
        self.calls = 0

    def augment(self, batch, generator):
        self.calls += 1
        if self.calls < 3:
            return batch
        return dataclasses.replace(batch, spectrogram_db=batch.spectrogram_db * float("inf"))


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="nan-later", build=NanLater)
