"""Cannot take a batch of one clip."""

from __future__ import annotations

import dataclasses

from devbench import Method, MethodSpec, hookimpl


class NeedsTwo(Method):
    def augment(self, batch, generator):
        x_db = batch.spectrogram_db
        return dataclasses.replace(batch, spectrogram_db=0.5 * (x_db[0::2] + x_db[1::2]))


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="needs-two", build=NeedsTwo)
