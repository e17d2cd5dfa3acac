"""Keeps a running mean from batch to batch: a run that was interrupted goes on differently."""

from __future__ import annotations

import dataclasses

from devbench import Method, MethodSpec, hookimpl


class RunningMean(Method):
    def __init__(self):
        self.mean_db = 0.0

    def augment(self, batch, generator):
        self.mean_db = 0.9 * self.mean_db + 0.1 * batch.spectrogram_db.mean()
        return dataclasses.replace(batch, spectrogram_db=batch.spectrogram_db - self.mean_db)


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="running-mean", build=RunningMean)
