"""Every bad plugin breaks the rule that it was written to break, and no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from devbench.plugin_kit.checking import Checking, check_together
from devbench.plugin_kit.report import Report
from devbench.plugin_kit.rules import RULES
from devbench.plugin_kit.target import of_path

HERE = Path(__file__).parent
CHEATS = HERE.parent / "integrity" / "cheats"

BROKEN = {
    # file, and the rules that it breaks
    "bad/import_crash": {"R01"},
    "bad/name_clash": {"R07"},
    "bad/misspelt_hook": {"R08"},
    "bad/wrong_api": {"R09"},
    "bad/untyped_option": {"R11"},
    "bad/junk_on_stdout": {"R06"},
    "bad/exits_in_augment": {"R03"},
    "bad/sets_default": {"R13"},
    "bad/patches_at_import": {"R13"},
    "bad/starts_program": {"R14"},
    "bad/reads_labels": {"R15"},
    "bad/global_random": {"R16"},
    "bad/needs_two": {"R21"},
    "bad/silence_nan": {"R22"},
    "bad/double_targets": {"R23"},
    "bad/in_place": {"R24"},
    "bad/not_repeatable": {"R25", "R26"},
    "bad/running_mean": {"R25", "R26"},
    "bad/day_seeded": {"R26"},
    "bad/forgetful": {"R27"},
    "bad/hidden_adaptation": {"R30"},
    "cheats/disk_walk": {"R14"},
    "cheats/network": {"R14"},
    "cheats/parent_memory": {"R14"},
    "cheats/label_walk": {"R15"},
    "cheats/metric_patch": {"R13"},
    "cheats/undeclared": {"R20"},
    "cheats/wrong_shape": {"R21"},
    "cheats/nan_batch": {"R22"},
    "cheats/nan_later": {"R22"},
    "cheats/nan_logits": {"R22"},
    "cheats/batch_statistics": {"R28"},
    "cheats/running_state": {"R29"},
    "cheats/daemon": {"R05"},
}
ENDING = {
    # these end the process that tries them, or are ended: seconds, MiB, rule, words
    "bad/endless_import": (5.0, 4000, "R02", "while importing it"),
    "bad/exits_at_import": (60.0, 4000, "R03", "exit code 0 without a result"),
    "bad/segfault": (120.0, 4000, "R03", "SIGSEGV"),
    "cheats/forged_result": (120.0, 4000, "R03", "without a result"),
    "cheats/memory_hog": (120.0, 1500, "R04", "MiB where 1500 are allowed"),
}


def path_of(name: str) -> Path:
    folder, _, stem = name.partition("/")
    return ({"bad": HERE / "bad", "cheats": CHEATS}[folder] / stem).with_suffix(".py")


@pytest.fixture(scope="module")
def reports() -> dict[str, Report]:
    """Return the reports of all that end nothing, tried in one child."""
    refs = [of_path(path_of(name), None)[0] for name in BROKEN]
    found = check_together(refs, Checking(limit_s=400))
    return dict(zip(BROKEN, found, strict=True))


@pytest.mark.parametrize("name", BROKEN)
def test_a_bad_plugin_breaks_its_rule_and_no_other(name: str, reports: dict[str, Report]) -> None:
    report = reports[name]
    assert set(report.failed) == BROKEN[name], [f for f in report.findings if f.seen]
    for number in report.failed:
        assert report.of_rule(number).seen
        assert any(RULES[number].mend in line for line in report.lines())


@pytest.mark.parametrize("name", ENDING)
def test_what_ends_its_process_is_told_and_harms_nobody(name: str) -> None:
    limit_s, memory_mb, rule, words = ENDING[name]
    checking = Checking(limit_s=limit_s, memory_mb=memory_mb)
    (report,) = check_together([of_path(path_of(name), None)[0]], checking)
    assert report.failed == [rule]
    assert words in report.of_rule(rule).seen
    assert "not reached" in report.of_rule("R25").seen


def test_one_that_ends_the_child_does_not_keep_the_others_from_their_turn() -> None:
    names = ("bad/double_targets", "bad/exits_at_import", "bad/in_place")
    refs = [of_path(path_of(name), None)[0] for name in names]
    found = check_together(refs, Checking())
    assert [report.failed for report in found] == [["R23"], ["R03"], ["R24"]]


def test_whole_runs_find_what_one_process_cannot_show() -> None:
    (report,) = check_together(of_path(path_of("bad/pid_seeded"), None), Checking(full=True))
    assert report.failed == ["R81"]
    assert "weights" in report.of_rule("R81").seen or "models" in report.of_rule("R81").seen


def test_every_file_is_used() -> None:
    used = {path_of(name) for name in (*BROKEN, *ENDING, "bad/pid_seeded")}
    assert set((HERE / "bad").glob("*.py")) <= used
    # Its endless loop is another's; what it costs to wait for it is spent once.
    assert set(CHEATS.glob("*.py")) - used == {CHEATS / "never_ends.py"}
