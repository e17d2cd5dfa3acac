"""Every plugin of devbench keeps the rules that strangers are held against."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from devbench.plugin_kit.checking import Checking, check_plugins, check_together
from devbench.plugin_kit.rules import rules_of
from devbench.registry import PluginRef, find, installed

SMALL = {
    # converters
    "width": 4, "n_blocks": 1, "critic_width": 4, "batch": 4, "buffer": 4, "epochs": 1,
    "epoch_steps": 1,
    # the estimator of eq-match
    "hop_ms": 20.0, "input_s": 0.75, "steps": 2, "n_validation": 2,
}  # fmt: skip
"""What makes every artifact of devbench in a second."""
WITH_FOLDER = ("dir", "dir-freq-mixstyle")
N_GROUPS = 4


def own(kind: str) -> list[PluginRef]:
    offers = [ref for refs in installed(kind).values() for ref in refs]  # type: ignore[arg-type]
    return [ref for ref in offers if ref.distribution == "devbench"]


def require_all_pass(refs: list[PluginRef], checking: Checking) -> None:
    for report in check_together(refs, checking):
        assert report.failed == [], [f for f in report.findings if f.state == "failed"]
        told = {finding.number: finding.state for finding in report.findings}
        assert list(told) == [rule.number for rule in rules_of(report.ref.kind)]
        assert {number for number, state in told.items() if state != "passed"} <= {"R31"}, told


@pytest.mark.long  # test_methods_contract.py asks the most of it every time
@pytest.mark.parametrize("group", range(N_GROUPS))
def test_methods(group: int) -> None:
    refs = [ref for ref in own("method") if ref.name not in WITH_FOLDER]
    require_all_pass(refs[group::N_GROUPS], Checking(artifact=SMALL, limit_s=500))


def test_methods_that_take_a_folder(tmp_path: Path) -> None:
    import soundfile

    taps = np.zeros(64)
    taps[3] = 1.0
    soundfile.write(tmp_path / "delay.wav", taps, 22_050, subtype="FLOAT")
    refs = [find("method", name) for name in WITH_FOLDER]
    require_all_pass(refs, Checking(settings={"folder": str(tmp_path)}))


@pytest.mark.parametrize("kind", ["backbone", "frontend"])
def test_what_a_classifier_is_made_of(kind: str) -> None:
    require_all_pass(own(kind), Checking(limit_s=500))


def test_a_method_without_its_folder_is_told_how_to_give_it() -> None:
    (report,) = check_plugins([find("method", "dir")], Checking())
    assert report.failed == ["R11"]
    assert "--set folder=PATH" in report.of_rule("R11").seen


def test_a_method_keeps_the_rules_of_whole_runs() -> None:
    (report,) = check_plugins([find("method", "freq-mixstyle")], Checking(full=True))
    assert report.failed == []
    assert {report.of_rule(rule).state for rule in ("R80", "R81", "R82")} == {"passed"}


def test_an_artifact_that_takes_too_long_is_told() -> None:
    (report,) = check_plugins([find("method", "umc-real")], Checking(limit_s=10))
    assert report.failed in (["R18"], ["R02"])  # R02: on a machine that is busy with other work
    assert "umc" in report.of_rule(report.failed[0]).seen
