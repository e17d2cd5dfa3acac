"""Prints on standard output, where results of commands go."""

from __future__ import annotations

from devbench import Method, MethodSpec, hookimpl

print("tilt plugin loaded")


class Talks(Method):
    def augment(self, batch, generator):
        print("augmenting", len(batch))
        return batch


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="junk-on-stdout", build=Talks)
