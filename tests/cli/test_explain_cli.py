"""devbench explain: mistakes end in one line and a fix, before any work."""

from __future__ import annotations

from pathlib import Path

import pytest

from devbench.errors import EXIT_DONE, EXIT_UNKNOWN_NAME, EXIT_USAGE
from helpers.commands import Command, calling


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    return calling(capsys)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["information"], EXIT_USAGE, "name a run, or --converter METHOD"),
        (["information", "abcd", "--figure", "x.pdf"], EXIT_USAGE, "is no .svg or .png"),
        (["information", "abcd"], EXIT_UNKNOWN_NAME, "no run 'abcd'"),
        (["information", "--converter", "umc-rael"], EXIT_UNKNOWN_NAME, "umc-real"),
        (["identity", "abcd"], EXIT_UNKNOWN_NAME, "no run 'abcd'"),
        (["identity"], EXIT_USAGE, "RUN"),
        (["informatoin"], EXIT_UNKNOWN_NAME, "information"),
    ],
)
def test_mistakes(command: Command, tmp_path: Path, words: list[str], code: int, said: str) -> None:
    store = ["--store", str(tmp_path / "store")] if words[0] in ("information", "identity") else []
    found = command("explain", *words, *store)
    assert found.code == code
    assert said in found.err
    assert "fix:" in found.err and not found.out


def test_the_group_lists_its_commands(command: Command) -> None:
    found = command("explain", "--help")
    assert found.code == EXIT_DONE
    assert "information" in found.out and "identity" in found.out
