"""How one module offers several methods: an object per entry point that holds the hook."""

from __future__ import annotations

from types import SimpleNamespace

from devbench import MethodSpec, hookimpl


def offered(spec: MethodSpec) -> SimpleNamespace:
    """Return what an entry point 'package.module:attribute' names: the hook that gives spec."""

    @hookimpl
    def devbench_method() -> MethodSpec:
        return spec

    return SimpleNamespace(devbench_method=devbench_method)
