"""`devbench track sync`: counts on stdout, talk on stderr, and exit code 10 without a store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from devbench.cli.track import command
from devbench.errors import DataError, TrackingError, UsageError
from devbench.results.store import Store
from devbench.tracking.sync import Synced
from helpers.records import make_run


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    store = Store(tmp_path / "store")
    for seed in (0, 1):
        made = make_run(seed=seed)
        store.publish(made.record, made.logits, dict(made.weights))
    return store


def test_sync_counts_and_can_be_repeated(store: Store) -> None:
    (store.folder / "records" / f"{'0' * 64}.json").write_text("{")
    first = CliRunner().invoke(command, ["sync", "--store", str(store.folder)])
    assert first.exit_code == 0, first.output
    assert "mirrored 2, already there 0 (2 records, 0 failed runs)" in first.stdout
    assert "skipped a record" in first.stderr and "2 of 2" in first.stderr
    again = CliRunner().invoke(command, ["sync", "--store", str(store.folder), "--json"])
    said = json.loads(again.stdout)
    assert (said["written"], said["kept"], said["records"]) == (0, 2, 2)


def test_what_cannot_be_reached_ends_with_10(store: Store) -> None:
    uri = "http://127.0.0.1:9"  # the discard port: nobody answers
    args = ["sync", "--store", str(store.folder), "--uri", uri]
    run = CliRunner().invoke(command, args, env={"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"})
    assert isinstance(run.exception, TrackingError) and run.exception.exit_code == 10
    run = CliRunner().invoke(command, [*args, "--rebuild"])
    assert isinstance(run.exception, UsageError)


def test_a_store_that_is_not_there_is_no_empty_store(tmp_path: Path) -> None:
    run = CliRunner().invoke(command, ["sync", "--store", str(tmp_path / "none")])
    assert isinstance(run.exception, DataError)
    assert not (tmp_path / "none").exists()


def test_a_warning_cannot_steer_the_terminal(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(store: Store, uri: str | None, *, warn: Any, progress: Any) -> Synced:
        warn("skipped a record: plan.options.\x1b]0;gone\x07 is None")
        return Synced(uri="sqlite:///x", written=0, kept=0, records=0, failures=0, sweeps=0)

    monkeypatch.setattr("devbench.tracking.sync.sync", work)
    done = CliRunner().invoke(command, ["sync", "--store", str(store.folder)])
    assert done.exit_code == 0 and "skipped a record" in done.stderr
    assert all(c.isprintable() or c == "\n" for c in done.stderr)
