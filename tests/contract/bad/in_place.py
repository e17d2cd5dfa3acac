"""Changes the batch that it is given."""

from __future__ import annotations

from devbench import Method, MethodSpec, hookimpl


class InPlace(Method):
    def augment(self, batch, generator):
        batch.spectrogram_db[:, :, :4] -= 6.0
        return batch


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="in-place", build=InPlace)
