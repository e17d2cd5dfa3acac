"""Fails while it is imported."""

from __future__ import annotations

from devbench import Method, MethodSpec, hookimpl

TABLE = {"watch": 1.0}["phone"]


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="import-crash", build=Method)
