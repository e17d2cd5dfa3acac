"""A waveform method: one random gain per clip."""

from __future__ import annotations

import dataclasses

import torch

from devbench import Method, MethodSpec, hookimpl


class RandomGain(Method):
    def augment(self, batch, generator):
        gain_db = torch.rand(len(batch), 1, generator=generator) * 12 - 6
        return dataclasses.replace(batch, waveform=batch.waveform * 10 ** (gain_db / 20))


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="random-gain", build=RandomGain, acts_on="waveform")
