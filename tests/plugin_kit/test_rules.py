"""Rules have numbers that stay, and the document says what the code says."""

from __future__ import annotations

import re

import pytest

from devbench.plugin_kit.report import Finding, Report
from devbench.plugin_kit.rules import RULES, rules_of
from devbench.registry import GROUPS, Kind, PluginRef
from helpers.documents import ROOT, text_of

REF = PluginRef("method", "tilt", "tilt", "acme", "1.0")
FIXED = {
    "R01": "imported", "R02": "in time", "R03": "process running", "R04": "memory",
    "R05": "no process behind", "R06": "standard output", "R07": "name", "R08": "spec",
    "R09": "version of the contract", "R13": "nothing outside itself", "R14": "opens no file",
    "R15": "labels", "R16": "Global random", "R20": "declared", "R21": "form", "R22": "finite",
    "R23": "sums to 1", "R24": "stays as it is", "R25": "same batch", "R26": "another day",
    "R28": "neighbours", "R40": "logits", "R50": "waveforms", "R60": "corpus folder",
    "R70": "hooks of an observer", "R80": "whole run",
    "R81": "same bytes", "R82": "held out",
}  # fmt: skip


@pytest.mark.parametrize("number", FIXED)
def test_a_number_keeps_its_meaning(number: str) -> None:
    assert FIXED[number] in RULES[number].asks


def test_the_document_is_the_table_of_the_code() -> None:
    rows = re.findall(r"^\| (R\d\d) \| (.*) \| (.*) \| (.*) \|$", text_of("docs/plugin-rules.md"),
                      re.MULTILINE)  # fmt: skip
    expected = []
    for rule in RULES.values():
        kinds = ", ".join(k for k in GROUPS if k in rule.kinds)
        words = "all" if len(rule.kinds) == len(GROUPS) else kinds
        words += " (advice)" * rule.is_advice + " (--full)" * rule.is_full
        expected.append((rule.number, rule.asks, rule.mend, words))
    assert rows == expected


def test_numbers_rise_and_every_rule_is_looked_at_somewhere() -> None:
    assert list(RULES) == sorted(RULES)
    code = "".join(
        path.read_text()
        for path in (ROOT / "devbench/plugin_kit").glob("*.py")
        if path.stem != "rules"
    )
    for number in RULES:
        assert f'"{number}"' in code, number


@pytest.mark.parametrize("kind", GROUPS)
def test_whole_runs_are_asked_for(kind: Kind) -> None:
    plain, full = rules_of(kind), rules_of(kind, full=True)
    assert [rule for rule in full if not rule.is_full] == plain
    assert (len(full) > len(plain)) == (kind != "observer")


def test_a_report_names_every_rule_and_why_some_were_not_reached() -> None:
    seen = {"R01": Finding("R01", "failed", "KeyError: 'phone'")}
    report = Report.of(REF, seen, full=False)
    assert [finding.number for finding in report.findings] == [r.number for r in rules_of("method")]
    assert report.failed == ["R01"]
    assert report.of_rule("R25").seen == "not reached, because of R01"
    text = "\n".join(report.lines())
    assert "KeyError: 'phone'" in text and f"fix: {RULES['R01'].mend}" in text
    assert report.to_dict()["rules"][0]["mend"] == RULES["R01"].mend
    assert report.summary().startswith("method tilt: 1 failed")
