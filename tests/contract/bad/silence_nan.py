"""Divides by the deviation of a clip: silence has none."""

from __future__ import annotations

import dataclasses

from devbench import Method, MethodSpec, hookimpl


class SilenceNan(Method):
    def augment(self, batch, generator):
        x_db = batch.spectrogram_db
        deviation_db = x_db.std(dim=(1, 2, 3), keepdim=True)
        return dataclasses.replace(batch, spectrogram_db=x_db / deviation_db)


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="silence-nan", build=SilenceNan)
