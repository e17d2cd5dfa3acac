"""Return a batch of another length."""

from __future__ import annotations

import dataclasses

from devbench import Method, MethodSpec, hookimpl


class WrongShape(Method):
    def augment(self, batch, generator):
        return dataclasses.replace(batch, spectrogram_db=batch.spectrogram_db[..., :-1])


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="wrong-shape", build=WrongShape)
