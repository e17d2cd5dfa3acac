"""What notebooks use: the commands of the same names, as functions that return values."""

from __future__ import annotations

import contextlib
import inspect
import io
from dataclasses import MISSING, fields
from pathlib import Path

import click
import pandas as pd
import pytest

import devbench
from devbench import api
from devbench.cli.leaderboard import command as leaderboard_command
from devbench.cli.run import command as run_command
from devbench.cli.sweep import command as sweep_command
from devbench.errors import UnknownNameError, UsageError
from devbench.results.record import Record
from devbench.running.plan import Request
from helpers.boards import board, write_records
from helpers.records import make_run
from helpers.runs import World

OTHER_WORDS = {"options": "settings", "plugin": "plugin_file"}
"""How functions call what a request calls otherwise."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, tiny_data: Path) -> World:
    return World.make(tmp_path_factory.mktemp("api"), tiny_data)


@pytest.fixture(scope="module")
def run(world: World) -> tuple[Record, str]:
    """Return the record of one run, and what was told on standard error."""
    told = io.StringIO()
    with contextlib.redirect_stderr(told):
        record = devbench.run(
            "gain",
            "phone",
            benchmark=world.benchmark,
            options={"reach_db": 3},
            device="cpu",
            threads=1,
            data=world.data,
            store=world.store.folder,
            progress=True,
        )
    return record, told.getvalue()


@pytest.fixture
def record(run: tuple[Record, str]) -> Record:
    return run[0]


@pytest.fixture
def told(run: tuple[Record, str]) -> str:
    return run[1]


# One request, however it is asked for.


def test_a_run_takes_what_a_request_holds_with_the_same_defaults() -> None:
    asked = inspect.signature(devbench.run).parameters
    request = {field.name: field.default for field in fields(Request)}
    options = {p.name: p for p in run_command.params if isinstance(p, click.Option)}
    for name, default in request.items():
        told = next((own for own, other in OTHER_WORDS.items() if other == name), name)
        assert name in options, name
        if default is MISSING:
            assert asked[told].default is inspect.Parameter.empty
            assert options[name].required
        elif told == name:
            assert asked[told].default == default, name
            assert options[name].is_flag or options[name].default == default, name
        else:
            assert asked[told].default is None and not default
    names = {OTHER_WORDS.get(name, name) for name in asked}
    assert names - set(request) == {"force", "data", "store", "progress"}
    assert set(options) - names == {"dry_run", "as_json"}


def test_a_leaderboard_takes_what_the_command_takes() -> None:
    asked = set(inspect.signature(devbench.leaderboard).parameters)
    options = {param.name for param in leaderboard_command.params}
    assert asked - {"from_mlflow"} == options - {"form", "out", "is_check", "uri"}


def test_a_sweep_takes_what_the_command_takes_with_the_same_defaults() -> None:
    asked = inspect.signature(devbench.sweep).parameters
    options = {p.name: p for p in sweep_command.params if isinstance(p, click.Option)}
    assert set(options) - {"as_json"} == {
        "settings" if name == "options" else name for name in asked if name != "progress"
    }
    for name in set(asked) - {"methods", "options", "progress", "store"}:
        default = asked[name].default
        assert options[name].is_flag or options[name].default in (default, str(default)), name


# A run.


def test_a_run_is_the_one_that_the_command_line_makes(world: World, record: Record) -> None:
    planned = world.plan("gain", settings=("reach_db=3",))
    assert record.run_id == planned.plan.run_id
    assert record.plan.method.options["reach_db"] == 3.0
    assert world.store.get(record.run_id) == record


def test_it_tells_on_stderr_what_it_does_where_that_is_asked_for(
    told: str, record: Record, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "fit: epoch 4 of 4" in told and record.run_id
    talk = api.ScriptTalk(is_quiet=True)
    talk.phase("fit")
    talk.progress(3, 3)
    talk.close()
    assert capsys.readouterr() == ("", "")
    with pytest.warns(UserWarning, match="no mirror"):
        talk.warn("no mirror")


def test_places_come_from_the_environment(
    world: World, record: Record, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DEVBENCH_STORE", str(world.store.folder))
    assert devbench.records() == [record]
    monkeypatch.delenv("DEVBENCH_STORE")
    monkeypatch.chdir(tmp_path)
    assert devbench.records() == [] and not list(tmp_path.iterdir())


def test_mistakes_are_errors_with_a_fix(world: World, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'baseline'"):
        devbench.run("basline", "phone", benchmark=world.benchmark, store=tmp_path)
    with pytest.raises(UnknownNameError, match="option"):
        devbench.run("gain", "phone", benchmark=world.benchmark, options={"a": 1}, store=tmp_path)
    with pytest.raises(UsageError, match="exclude"):
        devbench.leaderboard(records=tmp_path, from_mlflow="sqlite:///x.db")
    assert not list(tmp_path.iterdir())


def test_an_option_is_written_as_set_takes_it() -> None:
    told = [api.setting_text(value) for value in (True, 3, 0.1, "a b", Path("x/y"))]
    assert told == ["true", "3", "0.1", "a b", "x/y"]


# A sweep.


def swept(world: World, **changes: object) -> pd.DataFrame:
    """Return the sweep that holds the run of this module and one more."""
    asked: dict[str, object] = {
        "methods": ["baseline", "gain"], "sources": "phone", "benchmark": world.benchmark,
        "options": {"gain.reach_db": 3}, "device": "cpu", "threads": 1, "data": world.data,
        "store": world.store.folder,
    }  # fmt: skip
    return devbench.sweep(**asked | changes)  # type: ignore[arg-type]


def test_a_sweep_keeps_what_ended_when_it_is_interrupted_and_goes_on(
    world: World,
    record: Record,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = swept(world, dry_run=True).set_index("method")
    assert dict(before["state"]) == {"baseline": "to do", "gain": "done"}
    assert before.loc["gain", "run_id"] == record.run_id
    assert pd.isna(before.loc["baseline", "mean_targets"])

    def interrupt(self: object, slot: int, ended: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(api.ScriptSweepTalk, "ended", interrupt)
        with pytest.raises(KeyboardInterrupt):
            swept(world)
    n_scorings = len(list((world.store.folder / "ledger").glob("*.json")))
    table = swept(world)
    assert len(list((world.store.folder / "ledger").glob("*.json"))) == n_scorings
    assert tuple(table.columns) == api.CELL_COLUMNS and set(table["state"]) == {"done"}
    held = {r.run_id: r.summary for r in devbench.records(store=world.store.folder)}
    for row in table.itertuples():
        summary = held[row.run_id]
        assert (row.mean_targets, row.worst_target, row.why) == (
            summary.mean_targets, summary.worst_target, ""
        )  # fmt: skip
    assert set(table["backbone"]) == {record.plan.backbone.name}  # what ran, not "the default"
    assert capsys.readouterr() == ("", "")  # silent where no progress is asked for


def test_names_and_numbers_are_written_as_lists_or_as_text(world: World) -> None:
    ways = (
        ("baseline,gain", "0-1"),
        (["baseline", "gain"], range(2)),
        (("baseline", "gain"), "0,1"),
    )
    tables = [swept(world, methods=m, seeds=s, dry_run=True) for m, s in ways]
    for table in tables:
        pd.testing.assert_frame_equal(table, tables[0])
    assert len(tables[0]) == 4


def test_a_run_that_fails_is_a_row_and_a_warning(tmp_path: Path, world: World) -> None:
    short = World.make(tmp_path, world.data, wall_s="0.5")
    with pytest.warns(UserWarning, match="1 of 1 runs failed: see column 'why'"):
        table = swept(short, methods="baseline", options=None)
    assert list(table["state"]) == ["failed"] and "0.5 s" in table["why"][0]


def test_mistakes_in_a_sweep_are_errors_with_a_fix(world: World, tmp_path: Path) -> None:
    for changes, error, words in (
        ({"methods": "basline"}, UnknownNameError, "did you mean 'baseline'"),
        ({"methods": []}, UsageError, "no method"),
        ({"sources": ["phnoe"]}, UnknownNameError, "phone"),
        ({"seeds": "3-1"}, UsageError, "list of numbers"),
        ({"seeds": -1}, UsageError, "list of numbers"),
        ({"ray": "auto", "jobs": 2}, UsageError, "cluster decides"),
        ({"gpus_per_run": 0.5}, UsageError, "ray"),
        ({"options": {"dir.folder": "x"}}, UsageError, "no method of this sweep"),
    ):
        with pytest.raises(error, match=words):
            swept(world, **{"store": tmp_path / "none", **changes})
    assert not list(tmp_path.iterdir())


# Tables.


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = [
        make_run(method=method, source=source, seed=seed, devices=("a", "b", "c")).record
        for method in ("baseline", "ideal", "gain")
        for source in ("a", "b")
        for seed in (0, 1)
    ]
    return write_records(tmp_path / "records", made)


def test_the_table_is_that_of_the_command(folder: Path) -> None:
    table = devbench.leaderboard(records=folder)
    printed = folder.parent / "board.csv"
    printed.write_bytes(
        board("--records", folder, "--format", "csv", "--no-published").stdout_bytes
    )
    expected = pd.read_csv(printed)
    assert list(table.columns) == list(expected.columns) and len(table) == len(expected) == 3
    for name in table:
        for own, read in zip(table[name], expected[name], strict=True):
            if pd.isna(read):  # CSV cannot tell an empty text from none
                assert pd.isna(own) or own == "", name
            else:
                assert own == read, name


def test_counts_are_whole_numbers_and_figures_fractions(folder: Path) -> None:
    table = devbench.leaderboard(records=folder, published=True)
    assert set(table["kind"]) == {"measured", "published"}
    for name in api.INTEGERS:
        assert str(table[name].dtype) == "Int64", name
    measured = table[table["kind"] == "measured"]
    assert measured["mean_targets"].between(0, 1).all()
    assert {"track", "benchmark", "budget", "backbone", "from a", "from b"} <= set(table.columns)


def test_an_empty_store_gives_an_empty_table(tmp_path: Path) -> None:
    assert devbench.leaderboard(store=tmp_path / "none").empty


def test_what_is_left_out_is_warned_of(folder: Path) -> None:
    first = sorted(folder.iterdir())[0]
    first.write_bytes(first.read_bytes().replace(b'"n_clips": 9', b'"n_clips": 8', 1))
    with pytest.warns(UserWarning, match=f"left out {first.name[:12]}"):
        devbench.leaderboard(records=folder)


def test_records_are_chosen_and_in_order(tmp_path: Path) -> None:
    made = [
        make_run(method=method, source=source, seed=seed, devices=("a", "b", "c")).record
        for method in ("ideal", "baseline")
        for source in ("b", "a")
        for seed in (1, 0)
    ]
    folder = write_records(tmp_path / "records", made)
    found = devbench.records(store=folder.parent)
    places = [(r.plan.method.name, r.plan.source, r.plan.seed) for r in found]
    assert places == sorted(places) and len(places) == 8
    chosen = devbench.records(method="ideal", source="a", store=folder.parent)
    assert [(r.plan.method.name, r.plan.seed) for r in chosen] == [("ideal", 0), ("ideal", 1)]
    assert devbench.records(budget="none", store=folder.parent) == []
