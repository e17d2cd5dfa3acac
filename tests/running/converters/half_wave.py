"""A converter of waveforms: half the amplitude."""

from __future__ import annotations

import dataclasses

from devbench import Method, MethodSpec, hookimpl


class HalfWave(Method):
    def convert(self, batch, target, generator):
        return dataclasses.replace(batch, waveform=0.5 * batch.waveform)


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="half-wave", build=HalfWave, acts_on="waveform")
