"""Draws from the operating system instead of the generator."""

from __future__ import annotations

import dataclasses
import os

from devbench import Method, MethodSpec, hookimpl


class NotRepeatable(Method):
    def augment(self, batch, generator):
        gain_db = int.from_bytes(os.urandom(2)) / 2**14
        return dataclasses.replace(batch, spectrogram_db=batch.spectrogram_db + gain_db)


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="not-repeatable", build=NotRepeatable)
