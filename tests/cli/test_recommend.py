"""devbench recommend and devbench report on the command line: words, JSON, files, mistakes."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import click
import pytest

from devbench.cli.report import command as report
from devbench.errors import EXIT_DONE, EXIT_UNKNOWN_NAME, EXIT_USAGE
from helpers.commands import Command
from helpers.records import make_run
from helpers.stores import filled_store, put


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = filled_store(tmp_path_factory.mktemp("store"), n_events=12)
    for source in ("iphone14", "lggram", "applewatchse"):
        put(made, make_run(method="spectrum-match", source=source, skill=5.0, n_events=12,
                           needs=["unpaired-target"]))  # fmt: skip
    return made.folder


def test_the_pick_comes_with_its_evidence(command: Command, store: Path) -> None:
    done = command("recommend", "--store", store)
    assert done.code == EXIT_DONE
    for words in ("use spectrum-match", "95 %", "second: freq-mixstyle", "p (Holm)", "one seed",
                  "ideal: needs labelled", "with nothing of the targets: freq-mixstyle",
                  "simulated"):  # fmt: skip
        assert words in done.out, words
    document = json.loads(command("recommend", "--track", "blind", "--store", store, "--json").out)
    assert document["method"] == "freq-mixstyle"
    assert document["excluded"]["spectrum-match"] == "needs unpaired-target"
    assert any("one seed" in note for note in document["notes"])
    second = document["candidates"][1]
    assert second["method"] == "baseline" and second["behind_best"]["difference"] > 0


def test_the_next_command_reports_the_runs_that_were_asked_about(
    command: Command, store: Path
) -> None:
    last = command("recommend", "--source", "lggram", "--store", store).out.splitlines()[-1]
    words = shlex.split(last.removeprefix("next: devbench "))
    assert words[:2] == ["report", "spectrum-match"]
    context = click.Context(report)
    report.parse_args(context, words[1:])
    assert context.params | {"out": None} == {
        "name": "spectrum-match", "benchmark": "sim7", "budget": "quick", "backbone": "small-cnn",
        "source": "lggram", "store": store, "data": None, "out": None, "figures": None,
    }  # fmt: skip
    assert "next:" not in command("recommend", "--records", store / "records").out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["recommend", "--devices", "lgram"], EXIT_UNKNOWN_NAME, "lggram"),
        (["recommend", "--allow", "device-fr,frr"], EXIT_UNKNOWN_NAME, "frr"),
        (["recommend", "--track", "oracle"], EXIT_UNKNOWN_NAME, "oracle"),
        (["recommend", "--track", "blind", "--allow", "device-fr"], EXIT_USAGE, "exclude"),
        (["recommend", "--max-cost", "-1"], EXIT_USAGE, "max-cost"),
        (["report", "freq-mixstile"], EXIT_UNKNOWN_NAME, "freq-mixstyle"),
        (["report", "freq-mixstyle", "--source", "fone"], EXIT_UNKNOWN_NAME, "fone"),
    ],
)
def test_mistakes_end_in_one_line(
    command: Command, store: Path, words: list[str], code: int, said: str
) -> None:
    done = command(*words, "--store", store)
    assert done.code == code and said in done.err and "fix:" in done.err


def test_a_report_is_written_with_its_figures_and_says_what_it_lacks(
    command: Command, store: Path, tmp_path: Path
) -> None:
    out, figures = tmp_path / "r.html", tmp_path / "figures"
    done = command("report", "freq-mixstyle", "--source", "lggram", "--store", store, "--out", out,
                   "--figures", figures)  # fmt: skip
    assert done.code == EXIT_DONE
    assert done.out.splitlines()[0] == str(out) and "left out: benchmark" in done.err
    assert out.read_text("utf-8").startswith("<!doctype html>")
    assert {"scores.png", "scores.svg"} <= {path.name for path in figures.iterdir()}
    again = tmp_path / "again.html"
    command("report", "freq-mixstyle", "--source", "lggram", "--store", store, "--out", again)
    assert again.read_bytes() == out.read_bytes()
