from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from devbench.cli import leaderboard, records, verify
from devbench.errors import CheckError, DataError, DevbenchError, UnknownNameError, UsageError
from devbench.results.store import Store
from helpers.records import make_run


def call(command: object, *arguments: object) -> Result:
    """Call a command as the group does: errors of devbench come out as they are."""
    result = CliRunner().invoke(
        command,  # type: ignore[arg-type]
        [str(argument) for argument in arguments],
        standalone_mode=False,
    )
    if isinstance(result.exception, DevbenchError):
        raise result.exception
    assert result.exception is None, result.exception
    return result


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "store")
    for method in ("baseline", "freq-mixstyle", "ideal"):
        for source in ("iphone14", "lggram"):
            run = make_run(method=method, source=source)
            made.publish(run.record, run.logits, run.weights)
    return made


def test_a_board_is_printed_in_every_format(store: Store) -> None:
    shown = call(leaderboard.command, "--store", store.folder).output
    assert "Track: blind" in shown
    assert "As published, other data" in shown
    shown = call(leaderboard.command, "--store", store.folder, "--no-published").output
    assert "As published" not in shown
    document = json.loads(
        call(leaderboard.command, "--store", store.folder, "--format", "json").stdout
    )
    assert document["blocks"][0]["benchmark"] == "sim7"
    lines = call(leaderboard.command, "--store", store.folder, "--format", "csv").stdout
    assert next(csv.reader(lines.splitlines()))[0] == "kind"
    assert call(leaderboard.command, "--store", store.folder, "--format", "md").stdout[0] == "#"
    page = call(leaderboard.command, "--store", store.folder, "--format", "html").stdout
    assert page.startswith("<!doctype html>") and "freq-mixstyle" in page
    tables = call(leaderboard.command, "--store", store.folder, "--format", "latex").stdout
    assert r"\begin{tabular}" in tables and "{-}mixstyle" in tables


def test_files_are_written_and_checked(store: Store, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ("--store", store.folder, "--out", out)
    with pytest.raises(CheckError, match="missing"):
        call(leaderboard.command, *arguments, "--check")
    call(leaderboard.command, *arguments)
    assert sorted(path.name for path in out.iterdir()) == [
        "leaderboard.csv",
        "leaderboard.html",
        "leaderboard.json",
        "leaderboard.md",
    ]
    call(leaderboard.command, *arguments, "--check")
    path = out / "leaderboard.md"
    path.write_text(path.read_text().replace("freq-mixstyle", "freq-mixstylo", 1))
    with pytest.raises(CheckError, match=r"line \d+ is .*freq-mixstylo") as caught:
        call(leaderboard.command, *arguments, "--check")
    assert caught.value.exit_code == 9
    # A command written out would lack --records, and render another store over these tables
    assert "the same command without --check" in caught.value.fix
    call(leaderboard.command, *arguments)
    path = out / "leaderboard.html"
    path.write_text(path.read_text().replace("iphone14", "iphone15", 1))
    with pytest.raises(CheckError, match=r"leaderboard.html: line \d+ is "):
        call(leaderboard.command, *arguments, "--check")


def test_check_needs_out(store: Store) -> None:
    with pytest.raises(UsageError):
        call(leaderboard.command, "--store", store.folder, "--check")


def test_an_empty_store_says_what_to_type(tmp_path: Path) -> None:
    result = call(leaderboard.command, "--store", tmp_path / "none", "--no-published")
    assert "devbench run" in result.stderr
    assert not (tmp_path / "none").exists()


def test_filters(store: Store) -> None:
    call(leaderboard.command, "--store", store.folder, "--benchmark", "sim7", "--budget", "quick")
    with pytest.raises(UnknownNameError, match="mics7") as caught:
        call(leaderboard.command, "--store", store.folder, "--benchmark", "mics7")
    assert "--benchmark sim7" in caught.value.fix


def test_a_run_that_does_not_hold_is_left_out_and_named(store: Store) -> None:
    record = make_run(method="freq-mixstyle", source="lggram").record
    store.blob_path("logits", record.logits_sha256).write_bytes(b"")
    result = call(leaderboard.command, "--store", store.folder)
    assert f"left out run {record.run_id[:12]}" in result.stderr
    assert "incomplete (1/2 sources)" in result.stdout


def test_a_broken_ledger_leaves_all_out(store: Store) -> None:
    # The first entry: without the last one the chain is whole, and only its own run is left out
    min((store.folder / "ledger").glob("*.json")).unlink()
    result = call(leaderboard.command, "--store", store.folder, "--no-published")
    assert result.stderr.count("left out") == 6
    assert "Track" not in result.stdout


def test_a_folder_of_records_is_shown_as_claims(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "records"
    folder.mkdir()
    for path in (store.folder / "records").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "README.md").write_text("not a record")
    first = min(folder.glob("*.json"))
    first.write_bytes(first.read_bytes().replace(b'"n_parameters": 1234', b'"n_parameters": -'))
    result = call(leaderboard.command, "--records", folder)
    assert "claimed" in result.stdout
    assert "V0" in result.stdout
    assert f"left out {first.name[:12]}" in result.stderr
    with pytest.raises(DataError, match="no folder"):
        call(leaderboard.command, "--records", tmp_path / "nowhere")


def test_verify_prints_a_line_per_run(store: Store) -> None:
    run_ids = store.run_ids()
    shown = call(verify.command, run_ids[0][:10], "--store", store.folder).output
    assert shown.startswith(f"{run_ids[0][:12]}  V1  ok")
    assert len(call(verify.command, "--all", "--store", store.folder).output.splitlines()) == 6
    document = json.loads(
        call(verify.command, "--all", "--json", "--level", 0, "--store", store.folder).stdout
    )
    assert all(entry["badge"] == "V0" and entry["passed"] for entry in document)


def test_verify_names_what_does_not_hold_and_ends_with_9(store: Store) -> None:
    run_id = store.run_ids()[0]
    path = store.record_path(run_id)
    path.write_bytes(path.read_bytes().replace(b'"n_clips": 9', b'"n_clips": 8', 1))
    runner = CliRunner()
    result = runner.invoke(
        verify.command, ["--all", "--store", str(store.folder)], standalone_mode=False
    )
    assert isinstance(result.exception, CheckError)
    assert result.exception.exit_code == 9
    assert f"{run_id[:12]}  invalid  FAILED" in result.stdout
    assert "n_clips" in result.stdout
    path.write_bytes(b"{")  # even the name of a damaged record is found
    result = runner.invoke(
        verify.command, [run_id, "--store", str(store.folder)], standalone_mode=False
    )
    assert isinstance(result.exception, CheckError)


def test_verify_wants_runs_or_all(store: Store) -> None:
    for arguments in ((), ("--all", "abc")):
        with pytest.raises(UsageError):
            call(verify.command, *arguments, "--store", store.folder)
    with pytest.raises(UnknownNameError):
        call(verify.command, "zzz", "--store", store.folder)


def test_verify_says_that_there_was_nothing_to_verify(tmp_path: Path) -> None:
    """A store mistyped must not look as a store that holds."""
    done = call(verify.command, "--all", "--json", "--store", tmp_path / "none")
    assert json.loads(done.stdout) == [] and "nothing was verified" in done.stderr
    assert not (tmp_path / "none").exists()


def test_records_travel(store: Store, tmp_path: Path) -> None:
    path, other = tmp_path / "runs.zip", tmp_path / "other"
    some = store.run_ids()[:2]
    call(records.command, "export", some[0], some[0][:8], some[1], "--out", path, "--store",
         store.folder)  # fmt: skip
    assert call(records.command, "add", path, "--store", other).stdout.count("joined") == 2
    assert call(records.command, "add", path, "--store", other).stdout.count("already") == 2
    added = json.loads(call(records.command, "add", path, "--store", other, "--json").stdout)
    assert added == {"joined": [], "present": some}
    with pytest.raises(UsageError):
        call(records.command, "export", "--out", tmp_path / "x.zip", "--store", store.folder)
    with pytest.raises(UsageError, match="no runs"):
        call(records.command, "export", "--all", "--out", path, "--store", tmp_path / "none")


def test_nothing_heavy_is_imported_for_help() -> None:
    code = (
        "import sys, devbench.cli.leaderboard, devbench.cli.verify, devbench.cli.records\n"
        "import devbench.cli.page\n"
        "heavy = {'torch', 'numpy', 'pydantic', 'rich', 'scipy', 'pandas', 'jinja2'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert out.stdout.strip() == "[]"
