"""Return NaN from augment."""

from __future__ import annotations

import dataclasses

from devbench import Method, MethodSpec, hookimpl


class NanBatch(Method):
    def augment(self, batch, generator):
        return dataclasses.replace(batch, spectrogram_db=batch.spectrogram_db / 0 * 0)


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="nan-batch", build=NanBatch)
