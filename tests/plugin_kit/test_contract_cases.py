"""`devbench.testing`: three lines give a test case per rule, and loading it costs nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from devbench.plugin_kit.report import Finding, Report
from devbench.plugin_kit.rules import RULES, rules_of
from devbench.registry import PluginRef
from devbench.testing import contract_tests, require_rule

REF = PluginRef("method", "tilt", "tilt", "acme", "1.0")

test_contract_of_gain = contract_tests("gain")


def report_of(*findings: Finding) -> Report:
    return Report.of(REF, {finding.number: finding for finding in findings}, full=False)


def test_a_broken_rule_fails_with_what_was_seen_and_how_to_mend_it() -> None:
    report = report_of(Finding("R24", "failed", "augment changed the batch in place"))
    with pytest.raises(pytest.fail.Exception) as caught:
        require_rule(report, "R24")
    words = str(caught.value)
    assert "R24" in words and "in place" in words and RULES["R24"].mend in words


def test_what_was_not_reached_is_skipped() -> None:
    report = report_of(Finding("R01", "failed", "no"))
    with pytest.raises(pytest.skip.Exception, match="not reached, because of R01"):
        require_rule(report, "R25")
    with pytest.raises(pytest.skip.Exception, match="--devbench-full"):
        require_rule(report, "R80")


def test_there_is_a_case_per_rule() -> None:
    mark = test_contract_of_gain.pytestmark[0]
    assert mark.args[1] == [rule.number for rule in rules_of("method", full=True)]


def test_cases_of_a_bad_plugin_fail_one_by_one(tmp_path: Path) -> None:
    bad = Path(__file__).parents[1] / "contract" / "bad" / "in_place.py"
    (tmp_path / "test_it.py").write_text(
        "from devbench.testing import contract_tests\n\n"
        f"test_contract = contract_tests({str(bad)!r})\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout
    assert "FAILED test_it.py::test_contract[R24]" in done.stdout
    assert "1 failed" in done.stdout and "fix: " in done.stdout


def test_the_plugin_of_pytest_is_light() -> None:
    code = (
        "import sys, devbench.pytest_plugin, devbench.testing\n"
        "heavy = {'torch', 'numpy', 'pydantic', 'click', 'psutil', 'pytest'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
