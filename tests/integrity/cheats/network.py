"""Fetch something."""

from __future__ import annotations

import socket

from devbench import Method, MethodSpec, hookimpl


class Network(Method):
    def fit(self, train, side, generator):
        socket.create_connection(("127.0.0.1", 9), timeout=1)


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="network", build=Network)
