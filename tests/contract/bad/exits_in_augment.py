"""Raises SystemExit in the midst of its work."""

from __future__ import annotations

import sys

from devbench import Method, MethodSpec, hookimpl


class Exits(Method):
    def augment(self, batch, generator):
        sys.exit("enough")


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="exits-in-augment", build=Exits)
