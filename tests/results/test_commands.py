"""Commands that plans are carried out with again: ones that devbench has, with all that was set."""

from __future__ import annotations

import shlex
from typing import Any

import click
import pytest

from devbench.cli import converter, run
from devbench.contract.options import FOLDER
from devbench.results.commands import command_line, run_command, train_command
from devbench.results.record import Plan
from helpers.records import make_plan


def parsed(text: str) -> tuple[str, dict[str, Any]]:
    """Return the name of a command and what it is called with."""
    words = shlex.split(text)
    assert words[0] == "devbench"
    is_run = words[1] == "run"
    command = run.command if is_run else converter.train_command
    context = click.Context(command)
    command.parse_args(context, words[2 if is_run else 3 :])
    return words[1], context.params


def with_frontend(plan: Plan, name: str) -> Plan:
    part = plan.frontend.model_copy(update={"name": name, "opened": ["name"]})
    return plan.model_copy(update={"frontend": part})


@pytest.mark.parametrize("fold", [0, 2])
def test_all_that_was_set_is_set_again(fold: int) -> None:
    plan = make_plan(fold=fold, seed=3, opened=["p"], options={"p": "a b", "q": 1}, threads=2)
    name, given = parsed(run_command([plan], "--force"))
    assert name == "run" and given["force"]
    assert (given["seed"], given["threads"], given["device"]) == (3, 2, "cpu")
    assert given["backbone"] == plan.backbone.name and given["frontend"] is None
    name, trained = parsed(train_command(plan))
    assert name == "converter"
    for told in (given, trained):
        assert (told["fold"], told["settings"]) == (fold, ("p=a b",))
        assert (told["source"], told["benchmark"], told["budget"]) == (plan.source, "sim7", "quick")


def test_places_that_a_plan_does_not_keep_have_a_word() -> None:
    plan = make_plan(benchmark="own", opened=["d"], options={"d": f"{FOLDER}0123"}, is_file=True)
    for command in (run_command([plan]), train_command(plan)):
        _, given = parsed(command)
        assert given["benchmark"] == "FILE.toml" and given["settings"] == ("d=DIR",)
        assert str(given["plugin_file"]) == "FILE.py"


def test_a_front_end_of_its_own_is_trained_for_by_the_run() -> None:
    name, given = parsed(train_command(with_frontend(make_plan(), "stft")))
    assert (name, given["frontend"], given["force"]) == ("run", "stft", True)


def test_a_command_line_is_quoted_and_lacks_what_is_not_given() -> None:
    text = command_line(["report", "a b"], {"--store": "x y", "--data": None})
    assert shlex.split(text) == ["devbench", "report", "a b", "--store", "x y"]
