"""A team's server on PostgreSQL: nothing lost, nothing twice, and the same table from it.

tests/campaigns/team_server.py does the same with 64 runs from 8 processes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from devbench.errors import UsageError
from devbench.results.store import Store
from devbench.tracking.sync import rebuild, sync
from helpers.boards import board, write_records
from helpers.team_server import TeamServer, Unavailable, team_server
from helpers.team_writers import held_by, made_runs, write_at_once

N_RUNS, N_PROCESSES = 8, 4


@pytest.fixture(scope="module")
def server() -> Iterator[TeamServer]:
    pytest.importorskip("psycopg2", reason="the extra 'team' is not installed")
    try:
        with team_server() as started:
            yield started
    except Unavailable as error:
        pytest.skip(str(error))


def test_many_people_write_at_once_and_read_the_same_table(
    server: TeamServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for name, value in (("TIMEOUT", "120"), ("MAX_RETRIES", "5")):  # other tests run beside it
        monkeypatch.setenv(f"MLFLOW_HTTP_REQUEST_{name}", value)
    write_at_once(server.uri, tmp_path, N_RUNS, N_PROCESSES)
    records = [run.record for run in made_runs(N_RUNS)]
    held = held_by(server.uri, tmp_path / "whole")
    assert held.runs == {record.run_id: 1 for record in records}
    assert (held.parents, held.orphans, held.done) == (1, 0, str(N_RUNS))

    folder = write_records(tmp_path / "records", records)
    expected = board("--records", folder, "--format", "md").stdout_bytes
    for uri in (server.uri, server.uri.replace("://", "://bob:secret@")):
        found = board("--from-mlflow", uri, "--format", "md")
        assert (found.stdout_bytes, found.stderr) == (expected, "")

    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
    store = Store(tmp_path / "whole")
    done = sync(store, warn=pytest.fail)
    assert (done.written, done.kept, done.sweeps, done.uri) == (0, N_RUNS, 1, server.uri)
    with pytest.raises(UsageError, match="not the database of this store"):
        rebuild(store, warn=pytest.fail)  # what others wrote is theirs


def test_nobody_reads_an_empty_database_full(server: TeamServer) -> None:
    """A database that is not the server's own is not given MLflow's tables by a reader."""
    from devbench.errors import TrackingError

    other = server.database.rpartition("/")[0] + "/postgres"
    for _ in range(2):
        with pytest.raises(TrackingError, match="holds nothing of MLflow"):
            board("--from-mlflow", other)
