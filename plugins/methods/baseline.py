"""Baseline: plain training on the source device, nothing done about unknown ones."""

from __future__ import annotations

from devbench import Method, MethodSpec, hookimpl


class Baseline(Method):
    """Do nothing; every other method is measured against this."""


@hookimpl
def devbench_method() -> MethodSpec:
    """Offer the method."""
    return MethodSpec(name="baseline", build=Baseline)
