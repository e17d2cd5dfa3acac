"""What was found of a plugin: one finding per rule, as lines and as JSON values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from devbench.plugin_kit.rules import RULES, rules_of
from devbench.registry import PluginRef

State = Literal["passed", "failed", "advice", "skipped"]
LONGEST = 400


@dataclass(frozen=True, slots=True)
class Finding:
    """What was seen of one rule; advice: it is not followed, and nothing fails by that."""

    number: str
    state: State
    seen: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """The findings of one plugin, in the order of the rules."""

    ref: PluginRef
    findings: tuple[Finding, ...]

    @classmethod
    def of(cls, ref: PluginRef, seen: Mapping[str, Finding], *, full: bool) -> Report:
        """Return a report in which every rule of the kind stands; what is not in seen: skipped."""
        broken = [number for number, finding in seen.items() if finding.state == "failed"]
        why = f"not reached, because of {' and '.join(sorted(broken))}" if broken else "not reached"
        return cls(
            ref,
            tuple(
                seen.get(rule.number, Finding(rule.number, "skipped", why))
                for rule in rules_of(ref.kind, full=full)
            ),
        )

    def of_rule(self, number: str) -> Finding:
        """Return the finding of one rule."""
        return next(finding for finding in self.findings if finding.number == number)

    @property
    def failed(self) -> list[str]:
        """Return the numbers of the rules that are broken."""
        return [finding.number for finding in self.findings if finding.state == "failed"]

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {
            "kind": self.ref.kind,
            "name": self.ref.name,
            "origin": self.ref.origin,
            "failed": self.failed,
            "rules": [
                {
                    "rule": finding.number,
                    "asks": RULES[finding.number].asks,
                    "state": finding.state,
                    "seen": finding.seen,
                    "mend": RULES[finding.number].mend if finding.state == "failed" else "",
                }
                for finding in self.findings
            ],
        }

    def lines(self) -> list[str]:
        """Return the report for people: what is broken in full, the rest in one line each."""
        words = [f"{self.ref.kind} {self.ref.name} ({self.ref.origin})"]
        for finding in self.findings:
            rule = RULES[finding.number]
            words.append(f"  {finding.state:<7} {finding.number}  {rule.asks}")
            if finding.seen:
                words.append(f"{'':15}{finding.seen}")
            if finding.state in ("failed", "advice"):
                words.append(f"{'':15}fix: {rule.mend}")
        return words

    def summary(self) -> str:
        """Return one line: how many rules hold."""
        count = {
            state: sum(finding.state == state for finding in self.findings)
            for state in ("passed", "failed", "advice", "skipped")
        }
        parts = [f"{number} {state}" for state, number in count.items() if number]
        return f"{self.ref.kind} {self.ref.name}: {', '.join(parts)}"


def shortened(words: str) -> str:
    """Return words of a plugin on one line, not too long."""
    plain = " ".join(words.split())
    return plain if len(plain) <= LONGEST else plain[: LONGEST - 1] + "…"


def all_passed(reports: Sequence[Report]) -> bool:
    """Return whether no rule is broken."""
    return not any(report.failed for report in reports)
