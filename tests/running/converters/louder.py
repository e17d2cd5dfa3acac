"""The perfect converter of a corpus whose devices differ in level alone: one fit per target."""

from __future__ import annotations

import dataclasses
import math

from devbench import Method, MethodSpec, hookimpl

FACTOR = {"phone": 1, "tablet": 2, "watch": 4}


class Louder(Method):
    def fit(self, train, side, generator):
        (self.target,) = side.targets
        self.gain_db = 20 * math.log10(FACTOR[self.target] / FACTOR[side.source])

    def convert(self, batch, target, generator):
        assert target == self.target
        return dataclasses.replace(batch, spectrogram_db=batch.spectrogram_db + self.gain_db)


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="louder", build=Louder, per_target=True)
