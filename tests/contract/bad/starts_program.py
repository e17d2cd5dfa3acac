"""Starts a program."""

from __future__ import annotations

import subprocess
import sys

from devbench import Method, MethodSpec, hookimpl


class StartsProgram(Method):
    def fit(self, train, side, generator):
        subprocess.run([sys.executable, "-c", "pass"], check=True)


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="starts-program", build=StartsProgram)
