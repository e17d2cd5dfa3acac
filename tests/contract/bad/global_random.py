"""Draws from torch's global generator."""

from __future__ import annotations

import dataclasses

import torch

from devbench import Method, MethodSpec, hookimpl


class GlobalRandom(Method):
    def augment(self, batch, generator):
        torch.manual_seed(1)
        noise_db = torch.randn(batch.spectrogram_db.shape)
        return dataclasses.replace(batch, spectrogram_db=batch.spectrogram_db + noise_db)


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="global-random", build=GlobalRandom)
