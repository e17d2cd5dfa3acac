"""Ends the process while it is imported, with an exit code that says all is well."""

from __future__ import annotations

import os

from devbench import Method, MethodSpec, hookimpl

os._exit(0)


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="exits-at-import", build=Method)
