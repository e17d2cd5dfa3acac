"""How rules are looked at in the child: parts that may fail alone, and what their errors mean."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from devbench.errors import AccessError, DevbenchError, RunError
from devbench.plugin_kit.report import State, shortened
from devbench.plugin_kit.rules import RULES
from devbench.plugin_kit.watch import Watch
from devbench.registry import PluginRef
from devbench.running.worker import Channel


class Broken(Exception):
    """A rule is broken in a way that leaves the rest of its part without meaning."""

    def __init__(self, rule: str, seen: str) -> None:
        super().__init__(seen)
        self.rule = rule
        self.seen = seen


class Probe:
    """One plugin in hand.

    artifact: changed keys of its configs. module: what its entry point names; spec: what it offers;
    options: values in force.
    """

    def __init__(
        self,
        ref: PluginRef,
        channel: Channel,
        watch: Watch,
        *,
        number: int = 0,
        artifact: Mapping[str, Any] | None = None,
        longest_s: float = 60.0,
    ) -> None:
        self.ref = ref
        self.watch = watch
        self.number = number
        self.artifact = dict(artifact or {})
        self.longest_s = longest_s
        self.module: object = None
        self.spec: Any = None
        self.options: dict[str, Any] = {}
        self._channel = channel
        self._told: dict[str, State] = {}

    def doing(self, words: str) -> None:
        """Say what is done now; should the process end, that is where."""
        self._channel.send({"event": "doing", "number": self.number, "words": words})

    def failed(self, rule: str, seen: str) -> None:
        """Tell that a rule is broken; of several faults, the first is kept."""
        self._tell(rule, "advice" if RULES[rule].is_advice else "failed", seen)

    def passed(self, *rules: str) -> None:
        """Tell that rules hold as far as was seen; a fault that is found later counts."""
        for rule in rules:
            self._tell(rule, "passed", "")

    def skipped(self, rule: str, why: str) -> None:
        """Tell why a rule was not looked at."""
        self._tell(rule, "skipped", why)

    def _tell(self, rule: str, state: State, seen: str) -> None:
        before = self._told.get(rule)
        is_news = before is None or (before == "passed" and state in ("failed", "advice"))
        if is_news and self.ref.kind in RULES[rule].kinds:
            self._told[rule] = state
            words = shortened(seen)
            finding = {"rule": rule, "state": state, "seen": words}
            self._channel.send({"event": "finding", "number": self.number, **finding})

    def require(self, holds: object, rule: str, seen: str) -> None:
        """Raise Broken unless the rule holds."""
        if not holds:
            raise Broken(rule, seen)

    def part(self, doing: str, work: Callable[[], None], *rules: str) -> bool:
        """Do a part of the check; return whether it went through, and rules then hold."""
        self.doing(doing)
        try:
            work()
        except Broken as broken:
            self.failed(broken.rule, broken.seen)
        except AccessError as error:
            self.failed("R20", f"{error.what} ({error.fix})")
        except MemoryError as error:
            self.failed("R04", f"MemoryError while {doing}: {error}")
        except RunError as error:
            self.failed("R22" if error.state == "nan" else "R17", error.what)
        except DevbenchError as error:
            traceback.print_exc()
            self.failed("R17", f"{doing}: {error.what} (fix: {error.fix})")
        except SystemExit as error:
            self.failed("R03", f"SystemExit({error.code!r}) while {doing}")
        except Exception as error:  # noqa: BLE001 - foreign code: whatever it raises is told
            traceback.print_exc()
            if not self.watch.opened:  # the tripwire raises, and that is told by its own rule
                self.failed("R17", f"{doing}: {_words(error)}")
        else:
            self.passed(*rules)
            return True
        return False

    def settle(self, belongings: Iterable[str] = (), *, tried: bool = True) -> None:
        """Tell what was seen on the way; tried: what nothing was seen of then holds."""
        if self.watch.opened:
            self.failed("R14", f"it {self.watch.opened[0]}")
        if self.watch.labels:
            self.failed("R15", self.watch.labels[0])
        changed = sorted(set(belongings))
        if changed:
            self.failed("R13", f"changed: {', '.join(changed[:5])}")
        if tried:
            self.passed("R13", "R14", "R15", "R17")


def _words(error: Exception) -> str:
    """Return an error's type, text and place."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - an error whose text is broken, too
        text = ""
    return f"{type(error).__name__}: {text} ({Path(place.filename).name}:{place.lineno})"
