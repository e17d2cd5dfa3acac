"""One classifier per target: shift the clips by the difference of mean levels to that target."""

from __future__ import annotations

import dataclasses

from devbench import Access, Method, MethodSpec, hookimpl


class PerTarget(Method):
    def fit(self, train, side, generator):
        (target,) = side.targets
        self.shift_db = self.level(side.unpaired[target]) - self.level(side.unpaired[side.source])

    def level(self, view):
        return sum(float(b.spectrogram_db.mean()) for b in view) / max(1, sum(1 for _ in view))

    def augment(self, batch, generator):
        return dataclasses.replace(batch, spectrogram_db=batch.spectrogram_db + self.shift_db)


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(
        name="per-target", build=PerTarget, needs={Access.UNPAIRED_TARGET}, per_target=True
    )
