"""Reads address 0."""

from __future__ import annotations

import ctypes

from devbench import Method, MethodSpec, hookimpl


class Segfault(Method):
    def augment(self, batch, generator):
        ctypes.string_at(0)
        return batch


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="segfault", build=Segfault)
