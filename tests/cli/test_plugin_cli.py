"""`devbench plugin`: what is printed, as JSON too, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from devbench.errors import EXIT_CHECK, EXIT_CONFIGURATION, EXIT_DATA, EXIT_UNKNOWN_NAME
from helpers.commands import Command

CHOOSY = '''
"""Looks at its options."""

from __future__ import annotations

from typing import Literal

from devbench import ContractError, Folder, Method, MethodSpec, hookimpl


class Choosy(Method):
    def __init__(
        self, folder: Folder = None, mode: Literal["fast", "slow"] = "slow", note: str = ""
    ) -> None:
        if note == "fast" and not (folder and folder.is_absolute() and folder.is_dir()):
            raise ContractError(f"{folder} is not there", fix="give it")
        if note not in ("", "fast"):
            raise ContractError(f"the note is {note!r}", fix="give a text")


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="choosy", build=Choosy)
'''
BAD = Path(__file__).parents[1] / "contract" / "bad"


def test_new_prints_its_files_and_what_to_type(command: Command, tmp_path: Path) -> None:
    said = command("plugin", "new", "my-tilt", "--out", tmp_path / "made")
    assert said.code == 0
    assert [Path(line).name for line in said.out.splitlines()] == [
        "README.md", "pyproject.toml", "test_contract.py", "my_tilt.py"]  # fmt: skip
    assert "devbench plugin check my-tilt" in said.err
    assert command("plugin", "new", "my-tilt", "--out", tmp_path / "made").code == EXIT_DATA
    taken = command("plugin", "new", "gain", "--out", tmp_path / "taken")
    assert taken.code == EXIT_CONFIGURATION and "'gain' is offered by devbench" in taken.err


def test_check_names_rule_what_was_seen_and_the_fix(command: Command) -> None:
    said = command("plugin", "check", BAD / "wrong_api.py")
    assert said.code == EXIT_CHECK
    assert "failed  R09" in said.out and "plugin API 99" in said.out and "fix: Install" in said.out
    assert "wrong-api breaks R09" in said.err


def test_check_prints_json(command: Command) -> None:
    said = command("plugin", "check", BAD / "untyped_option.py", "--json")
    assert said.code == EXIT_CHECK
    (plugin,) = json.loads(said.out)["plugins"]
    assert (plugin["kind"], plugin["name"], plugin["failed"]) == (
        "method", "untyped-option", ["R11"])  # fmt: skip
    broken = next(rule for rule in plugin["rules"] if rule["state"] == "failed")
    assert broken["seen"] and broken["mend"]


def test_an_unknown_name_ends_before_anything_starts(command: Command) -> None:
    said = command("plugin", "check", "gian")
    assert said.code == EXIT_UNKNOWN_NAME and "'gain'" in said.err


def test_words_of_a_plugin_cannot_steer_the_terminal(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "evil.py"
    path.write_text("raise ValueError('\\x1b[31mred')\n")
    said = command("plugin", "check", path)
    assert said.code == EXIT_CHECK and "\x1b" not in said.out + said.err


def test_only_an_option_of_type_folder_is_a_path(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fast").mkdir()
    (tmp_path / "choosy.py").write_text(CHOOSY)
    monkeypatch.chdir(tmp_path)
    said = command("plugin", "check", "choosy.py", "--set", "mode=fast", "--set", "note=fast",
                   "--set", "folder=fast")  # fmt: skip
    assert said.code == 0, said.out
