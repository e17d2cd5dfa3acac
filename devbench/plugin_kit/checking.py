"""The check of a plugin: a child tries it, and what the child says or does becomes a report."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devbench.contract.options import Value
from devbench.errors import DevbenchError, PluginError, RunError
from devbench.plugin_kit.report import Finding, Report, shortened
from devbench.plugin_kit.rules import RULES
from devbench.plugin_kit.target import rivals
from devbench.registry import PluginRef
from devbench.running.process import WorkerLimits, run_worker

RULE_OF_STATE = {"timeout": "R02", "killed": "R03", "plugin": "R03", "memory": "R04", "disk": "R04"}
"""Which rule is broken where a worker ends with this state."""
BUILD_SHARE = 0.4
"""Of the time limit: after that, an artifact is asked how far it is."""
LIMIT_S, CORPUS_LIMIT_S = 120.0, 900.0

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Checking:
    """How to check. settings: --set texts; artifact: keys of artifacts' configs to change.

    limit_s, memory_mb: of one child; limit_s None: by the kind. full: whole runs, too.
    """

    settings: Mapping[str, str] = field(default_factory=dict)
    artifact: Mapping[str, Value] = field(default_factory=dict)
    full: bool = False
    limit_s: float | None = None
    memory_mb: int = 4000


def check_plugins(
    refs: Sequence[PluginRef], checking: Checking, *, tell: Tell = lambda words: None
) -> list[Report]:
    """Check plugins one after the other, each in a child of its own."""
    return [check_together([ref], checking, tell=tell)[0] for ref in refs]


def check_together(
    refs: Sequence[PluginRef], checking: Checking, *, tell: Tell = lambda words: None
) -> list[Report]:
    """Check plugins in one child, which costs one start for all; they are of one kind.

    What ends the child is told of the plugin in hand, and the rest goes on in another child.
    """
    for ref in refs:
        tell(f"checking {ref.kind} {ref.name}")
    seen: list[dict[str, Finding]] = [{} for _ in refs]
    left = list(range(len(refs)))
    while left:
        is_tried = _child([refs[n] for n in left], [seen[n] for n in left], checking)
        left = [number for number, tried in zip(left, is_tried, strict=True) if not tried]
    for ref, found in zip(refs, seen, strict=True):
        found["R07"] = _own_name(ref)
    if checking.full:
        from devbench.plugin_kit.full import look_at_runs

        for ref, found in zip(refs, seen, strict=True):
            tell(f"running {ref.kind} {ref.name} on a tiny corpus")
            found.update(look_at_runs(ref, found, checking))
    return [
        Report.of(ref, found, full=checking.full) for ref, found in zip(refs, seen, strict=True)
    ]


def _child(
    refs: Sequence[PluginRef], seen: Sequence[dict[str, Finding]], checking: Checking
) -> list[bool]:
    """Let a child try plugins; return which of them are done with. One that ends it is, too."""
    current, doing = 0, "starting"
    is_tried = [False] * len(refs)
    limit_s = checking.limit_s or (CORPUS_LIMIT_S if refs[0].kind == "corpus" else LIMIT_S)

    def listen(message: Mapping[str, Any]) -> None:
        nonlocal current, doing
        number = message.get("number")
        if not isinstance(number, int) or not 0 <= number < len(refs):
            return
        if message["event"] == "doing":
            current, doing = number, str(message["words"])
        elif message["event"] == "finding" and message.get("rule") in RULES:
            finding = Finding(message["rule"], message["state"], str(message["seen"]))
            seen[number][finding.number] = finding
        elif message["event"] == "ending":
            is_tried[number] = True
            left = _family(folder / "home", int(message["pid"]))
            seen[number]["R05"] = (
                Finding("R05", "failed", f"{len(left)} of its processes were still there")
                if left
                else Finding("R05", "passed")
            )

    with tempfile.TemporaryDirectory(prefix="devbench-check-", ignore_cleanup_errors=True) as name:
        folder = Path(name).resolve()
        job = {
            "items": [
                {
                    "plugin": ref.to_dict(),
                    "settings": dict(checking.settings),
                    "artifact": dict(checking.artifact),
                }
                for ref in refs
            ],
            "folder": str(Path.cwd()),
            "longest_s": BUILD_SHARE * limit_s,
        }
        limits = WorkerLimits(limit_s, checking.memory_mb, scratch_mb=20_000)
        try:
            run_worker("check", job, scratch=folder, limits=limits, on_report=listen)
        except (RunError, PluginError) as error:
            if isinstance(error.__cause__, OSError):  # the disk is full: no fault of the plugin
                raise
            seen[current].update(_end_of(error, doing))
            is_tried[current] = True
            return is_tried
    return [True] * len(refs)


def _end_of(error: DevbenchError, doing: str) -> dict[str, Finding]:
    """Return the finding of what ended the child."""
    state = error.state if isinstance(error, RunError) else "plugin"
    rule = RULE_OF_STATE.get(state, "R17")
    return {rule: Finding(rule, "failed", shortened(f"while {doing}: {error.what}"))}


def _own_name(ref: PluginRef) -> Finding:
    others = rivals(ref)
    if not others:
        return Finding("R07", "passed")
    makers = " and ".join(other.origin for other in others)
    return Finding("R07", "failed", f"{makers} offers {ref.kind} {ref.name!r}, too")


def _family(home: Path, child: int) -> list[int]:
    """Return the processes that live with this home folder, the child itself left out."""
    import psutil

    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != child and process.environ().get("HOME") == str(home):
                found.append(process.pid)
    return found
