"""The child that holds the observers: JSON lines in, hooks called, JSON lines out.

In, first: {"hook": "load", "observers": [...]}; then {"hook": name, "arguments": {...}}; each may
name observers to "skip". Out: "calling" and "called" around each observer, "warning" for what it
raised, "done" at the end of each message: so the parent knows whose fault a death or a silence is.
"""

from __future__ import annotations

import copy
import json
import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from typing import Any

GRACE_S = 10.0
"""How long a hook may still work when the parent has gone, in seconds."""


def main() -> int:
    """Serve messages until standard input ends."""
    report = _private_stdout()
    messages: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(messages,), daemon=True).start()
    managers: dict[str, Any] = {}
    while (message := messages.get()) is not None:
        skip = frozenset(message.get("skip", ()))
        if message["hook"] == "load":
            for offer in message["observers"]:
                _guarded(offer["name"], report, _loading(offer, managers))
        else:
            for name in [name for name in managers if name not in skip]:
                _guarded(name, report, _calling(managers[name], message))
        report({"event": "done"})
    return 0


def _private_stdout() -> Callable[[Mapping[str, Any]], None]:
    """Keep the real standard output for reports; what plugins print goes to the log."""
    fd = os.dup(1)
    os.dup2(2, 1)

    def report(message: Mapping[str, Any]) -> None:
        data = json.dumps(message).encode() + b"\n"
        while data:
            data = data[os.write(fd, data) :]

    return report


def _read(messages: queue.SimpleQueue[dict[str, Any] | None]) -> None:
    for line in sys.stdin.buffer:
        messages.put(json.loads(line))
    messages.put(None)
    end = threading.Timer(GRACE_S, os._exit, args=(130,))
    end.daemon = True
    end.start()


def _loading(offer: Mapping[str, Any], managers: dict[str, Any]) -> Callable[[], None]:
    def load() -> None:
        import pluggy

        from devbench.contract import hookspecs
        from devbench.registry import PluginRef, load_module

        manager = pluggy.PluginManager(hookspecs.PROJECT)
        manager.add_hookspecs(hookspecs)
        manager.register(load_module(PluginRef(**offer)))
        manager.check_pending()
        managers[offer["name"]] = manager

    return load


def _calling(manager: Any, message: Mapping[str, Any]) -> Callable[[], None]:
    def call() -> None:
        # A copy for each: what one observer does to a record, the next does not see.
        arguments = copy.deepcopy(message["arguments"])
        getattr(manager.hook, f"devbench_{message['hook']}")(**arguments)

    return call


def _guarded(
    name: str, report: Callable[[Mapping[str, Any]], None], work: Callable[[], None]
) -> None:
    report({"event": "calling", "observer": name})
    try:
        work()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - third-party code at the boundary
        traceback.print_exc()
        report({"event": "warning", "observer": name, "what": _words(error)})
    report({"event": "called", "observer": name})


def _words(error: BaseException) -> str:
    from devbench.errors import DevbenchError

    if isinstance(error, DevbenchError):
        return f"{error.what} (fix: {error.fix})"
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - an error whose text is broken, too
        return type(error).__name__


if __name__ == "__main__":
    sys.exit(main())
