"""devbench ls and show: everything that has a name, for people and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from devbench.cli.ls import WHAT
from devbench.cli.show import print_record
from devbench.plugin_kit.tiny import make_benchmark
from devbench.registry import PluginRef
from devbench.results.store import Store
from helpers.commands import Command
from helpers.records import MadeRun, make_run


def put(store: Path, made: MadeRun) -> None:
    Store(store).publish(made.record, made.logits, made.weights)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    for method in ("baseline", "freq-mixstyle", "ideal"):
        put(folder, make_run(method=method))
    return folder


@pytest.mark.parametrize("what", WHAT)
def test_every_list_is_a_table_and_json(what: str, command: Command, tmp_path: Path) -> None:
    benchmark = make_benchmark(tmp_path / "tiny.toml")
    arguments = ["ls", what, "--benchmark", benchmark, "--store", tmp_path / "none"]
    rows = command(*arguments, "--json").json()
    assert isinstance(rows, list)
    said = command(*arguments)
    assert said.code == 0
    if not rows:
        assert (said.out, said.err) == ("", f"no {what}\n")
        return
    head, *lines = said.out.splitlines()
    assert len(lines) == len(rows) and said.err == ""
    for row, line in zip(rows, lines, strict=True):
        assert head.split()[0] in row
        assert all(str(value) in line for value in row.values())
        assert line == line.rstrip()


def test_lists_hold_what_there_is(command: Command, tmp_path: Path) -> None:
    methods = {row["name"] for row in command("ls", "methods", "--json").json()}
    assert {"baseline", "ideal", "rfn", "spectrum-match"} <= methods
    kinds = {row["kind"] for row in command("ls", "plugins", "--json").json()}
    assert kinds == {"method", "backbone", "frontend", "corpus", "observer"}
    benchmark = make_benchmark(tmp_path / "tiny.toml")
    devices = command("ls", "devices", "--benchmark", benchmark, "--json").json()
    assert [row["name"] for row in devices] == ["phone", "tablet", "watch"]


def test_a_clash_is_marked_where_names_are_listed(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    refs = [PluginRef("method", "tilt\x1b[1m", "m", f"acme-{n}", "1.0") for n in ("one", "two")]
    monkeypatch.setattr("devbench.registry.installed", lambda kind: {"tilt\x1b[1m": refs})
    said = command("ls", "methods")
    assert "acme-one 1.0 and acme-two 1.0" in said.out
    assert "CLASH: write distribution:name" in said.out
    assert "\x1b" not in said.out


def test_runs_are_listed_with_their_failures(command: Command, store: Path) -> None:
    plan = make_run(method="rfn").record.plan
    Store(store).record_failure(plan, state="nan", reason="loss is NaN", phase="fit")
    rows = command("ls", "runs", "--store", store, "--json").json()
    assert [row["method"] for row in rows] == ["baseline", "freq-mixstyle", "ideal", "rfn"]
    assert [row["state"] for row in rows] == ["finished"] * 3 + ["failed: nan"]
    assert rows[3]["mean_targets"] == "-"


def test_a_damaged_record_is_skipped_with_a_warning(command: Command, store: Path) -> None:
    path = next((store / "records").iterdir())
    path.write_bytes(path.read_bytes()[:-50])
    said = command("ls", "runs", "--store", store)
    assert said.code == 0
    assert said.err.startswith("warning: skipped a record: ") and str(path) in said.err
    assert len(said.out.splitlines()) == 3  # a head and the two that are whole


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("freq-mixstyle", ["method freq-mixstyle (version", "track: blind", "alpha = ", "(float)"]),
        ("devbench:freq-mixstyle", ["method freq-mixstyle"]),
        ("ideal", ["track: oracle", "target-labels"]),
        ("fr-shift-real", ["track: device-fr"]),
        ("small-cnn", ["backbone small-cnn", "stages: block1, block2", "width = 32  (int)"]),
        ("log-mel", ["frontend log-mel"]),
    ],
)
def test_a_plugin_is_shown_with_its_options(name: str, words: list[str], command: Command) -> None:
    said = command("show", name)
    assert said.code == 0 and said.err == ""
    document = command("show", name, "--json").json()
    shown = said.out + json.dumps(document)
    assert all(word in shown for word in words), shown
    for item in document.values():
        assert item["options"].keys() == item.get("option_types", {}).keys()
        assert len(item["code_sha256"]) == 64


@pytest.mark.parametrize("every", [12, pytest.param(1, marks=pytest.mark.long)])
def test_built_in_plugins_can_be_shown(command: Command, every: int) -> None:
    for what in ("methods", "backbones", "frontends"):
        for row in command("ls", what, "--json").json()[::every]:
            said = command("show", row["name"])
            assert said.code == 0, said.err
            assert len(said.out.splitlines()) >= 2


def test_a_benchmark_is_shown_as_it_is_in_force(command: Command, tmp_path: Path) -> None:
    path = make_benchmark(tmp_path / "tiny.toml")
    document = command("show", path).json()
    assert document["schema"] == 1 and document["id"] == "tiny"
    assert document["budgets"]["quick"]["weight_decay"] == 0.01  # a default, written out
    assert command("show", "mics7").json()["id"] == "mics7"


def test_a_run_is_shown_with_devices_gap_and_next_step(command: Command, store: Path) -> None:
    made = make_run(method="freq-mixstyle")
    run_id = made.record.run_id
    said = command("show", run_id[:8], "--store", store)
    assert said.code == 0 and said.err == ""
    for score in made.record.scores:
        line = next(x for x in said.out.splitlines() if x.startswith(f"{score.device} "))
        assert f"{score.macro_f1:.3f}" in line
        assert line.endswith("source") == (score.role == "source")
    summary = made.record.summary
    assert (
        f"mean over targets {summary.mean_targets:.3f}, worst {summary.worst_target:.3f}"
        in said.out
    )
    assert "gap to baseline: " in said.out
    assert str(store / "records" / f"{run_id}.json") in said.out
    assert "answered from the store" in said.out
    assert f"next: devbench verify {run_id[:12]}" in said.out
    assert command("show", run_id, "--store", store, "--json").json()["run_id"] == run_id


def test_the_next_step_is_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "store"
    ours = make_run(method="freq-mixstyle")
    put(folder, ours)
    for expected, following in (("baseline", "ideal"), ("ideal", "verify")):
        print_record(ours.record, Store(folder), is_new=True)
        out = capsys.readouterr().out
        assert f"--method {expected}" in out and f"next: devbench {following}" not in out
        assert "took " in out
        put(folder, make_run(method=expected))
    print_record(ours.record, Store(folder), is_new=False)
    assert "next: devbench verify" in capsys.readouterr().out


def test_a_baseline_of_another_seed_or_with_options_is_no_comparison(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "store"
    ours = make_run(method="freq-mixstyle")
    put(folder, ours)
    put(folder, make_run(method="baseline", seed=5))
    put(folder, make_run(method="baseline", options={"x": 1}, opened=["x"]))
    print_record(ours.record, Store(folder), is_new=False)
    assert "gap to baseline" not in capsys.readouterr().out


def test_a_prefix_must_be_long_enough_and_of_one_run(command: Command, store: Path) -> None:
    run_ids = sorted(Store(store).run_ids())
    for name in (run_ids[0][:3], "0000000", "f" * 64):
        said = command("show", name, "--store", store)
        assert said.code == 3 and "no plugin, benchmark or run" in said.err
    twin = run_ids[0][:10] + "0" * 54
    (store / "records" / f"{twin}.json").write_text("{}")
    said = command("show", run_ids[0][:8], "--store", store)
    assert said.code == 3 and "2 runs start with" in said.err


@pytest.mark.parametrize("folder", ["..", "/", "records"])
def test_names_are_no_paths(folder: str, command: Command, store: Path) -> None:
    said = command("show", f"{folder}/{Store(store).run_ids()[0]}", "--store", store)
    assert said.code == 3


def test_names_in_a_record_of_a_stranger_cannot_steer_the_terminal(
    tmp_path: Path, command: Command
) -> None:
    folder = tmp_path / "store"
    hostile = make_run(method="x\x1b[2J\x9b1m\u202e", devices=("a\x07\r", "b\x1b]0;c", "d"))
    put(folder, hostile)
    for arguments in (("show", hostile.record.run_id[:8]), ("ls", "runs")):
        said = command(*arguments, "--store", folder)
        assert said.code == 0
        assert all(c.isprintable() or c == "\n" for c in said.out + said.err)


def test_names_in_a_record_of_a_stranger_make_no_lines(tmp_path: Path, command: Command) -> None:
    folder = tmp_path / "store"
    forged = "mean over targets 0.999, worst 0.999"
    names = (f"a\n{forged}", "b", f"c\u2028{forged}")
    hostile = make_run(method=f"x\n{forged}\ny", devices=names)
    put(folder, hostile)
    for arguments in (("show", hostile.record.run_id[:8]), ("ls", "runs")):
        said = command(*arguments, "--store", folder)
        assert said.code == 0
        assert not any(line.startswith(forged) for line in said.out.splitlines())
    assert len(command("ls", "runs", "--store", folder).out.splitlines()) == 2
