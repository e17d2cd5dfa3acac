"""devbench explain at the prompt: mistakes end before anything heavy begins."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from devbench.cli.explain import LAZY
from devbench.cli.explain_options import echo_table, in_words
from devbench.errors import UnknownNameError, UsageError


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["relevance", "0000"], UnknownNameError),
        (["relevance", "0000", "--figure", "relevance.pdf"], UsageError),
        (["relevance", "0000", "--bands", "1"], UsageError),
        (["devices", "sim7", "--run", "0000"], UnknownNameError),
        (["devices", "sim7", "--run", "0000", "--reference", "ipad7"], UsageError),
    ],
)
def test_mistakes_are_named(words: list[str], error: type[Exception], tmp_path: Path) -> None:
    from devbench.cli.group import cli

    with pytest.raises(error):
        cli.main(["explain", *words, "--store", str(tmp_path)], standalone_mode=False)


def test_questions_share_their_options() -> None:
    """One name means one thing, with one default, whatever is asked."""
    import importlib

    known: dict[str, tuple[object, ...]] = {}
    for name in LAZY:
        own = {
            p.opts[0]: (p.default, p.metavar, str(p.type), p.help)
            for p in importlib.import_module(f"devbench.cli.explain_{name}").command.params
            if isinstance(p, click.Option)
        }
        assert {"--device", "--threads", "--data", "--store", "--json", "--benchmark"} <= set(own)
        if name == "information":
            del own["--benchmark"]  # also that of --converter
        for option, meaning in own.items():
            assert known.setdefault(option, meaning) == meaning, f"{option} of {name}"


def test_a_table_is_told_in_words() -> None:
    rows = [["", "low", "high"], ["watch", "", ""], ["  lost", "1.0", "22.5"]]
    assert in_words("What is lost", rows) == "What is lost. watch; lost: low 1.0, high 22.5"


def test_numbers_stand_below_their_names(capsys: pytest.CaptureFixture[str]) -> None:
    echo_table([["", "low", "high"], ["a long heading", "", ""], ["  lost", "1.0", "22.5"]])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("low  high")
    assert lines[2] == "  lost  1.0  22.5"
