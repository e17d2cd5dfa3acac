"""A plugin in the hands of the check, in the process of the test: what is told of each rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from devbench.plugin_kit.probing import Probe
from devbench.plugin_kit.watch import Watch
from devbench.registry import Kind, PluginRef
from devbench.running.worker import Channel


class _Heard:
    def __init__(self) -> None:
        self.states: dict[str, str] = {}

    def send(self, message: Mapping[str, Any]) -> None:
        if message["event"] == "finding":
            self.states[message["rule"]] = message["state"]


def states_of(
    kind: Kind, look: Callable[[Probe], None], *, module: object = None, spec: Any = None
) -> dict[str, str]:
    """Return the state of each rule that was looked at: passed, failed, advice or skipped."""
    heard = _Heard()
    probe = Probe(PluginRef(kind, "tried", "tried", "acme", "1.0"), cast(Channel, heard), Watch())
    probe.module, probe.spec = module, spec
    look(probe)
    return heard.states
