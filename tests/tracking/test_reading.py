"""A table from MLflow is the table from the same records, or it says what it left out."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from devbench.errors import TrackingError, UsageError
from devbench.files import sha256_bytes
from devbench.results.record import Record
from devbench.results.store import Store
from devbench.tracking import reading
from devbench.tracking.address import address_of, scrubbed, without_secrets
from devbench.tracking.content import DIGEST_TAG, RUN_ID_TAG, content_of_record
from devbench.tracking.mirror import mirror_at
from devbench.tracking.reading import from_mlflow
from devbench.tracking.sync import sync
from helpers.boards import board, write_records
from helpers.records import make_plan, make_run
from helpers.sweeps import make_sweep

FORMATS = ("text", "md", "csv", "json")
PASSWORD = "hunter2/with@signs"


@pytest.fixture(autouse=True)
def _no_tracking_uri(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return [
        make_run(method=method, source=source).record
        for method in ("baseline", "freq-mixstyle", "ideal")
        for source in ("iphone14", "lggram")
    ]


@pytest.fixture(scope="module")
def mirrored(records: list[Record], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store whose runs, one of them failed, and whose sweep are in its mlflow.db."""
    store = Store(tmp_path_factory.mktemp("mirrored") / "store")
    for record in records:
        made = make_run(method=record.plan.method.name, source=record.plan.source)
        store.publish(made.record, made.logits, dict(made.weights))
    make_sweep(store, records[:3])
    store.record_failure(make_plan(seed=8), state="nan", reason="loss is NaN", phase="fit")
    sync(store, f"sqlite:///{store.folder / 'mlflow.db'}", warn=pytest.fail)
    return store.folder


@pytest.fixture
def uri(mirrored: Path, tmp_path: Path) -> str:
    """Return the address of a copy; its artifacts are those of the original."""
    shutil.copy(mirrored / "mlflow.db", tmp_path)
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


@contextmanager
def changed(uri: str) -> Iterator[tuple[Any, dict[str, str]]]:
    """Yield a client and the MLflow ids by run_id, to change what is there."""
    with mirror_at(address_of(Path(), uri)) as mirror:
        ids = {
            r.data.tags[RUN_ID_TAG]: r.info.run_id
            for r in mirror.runs(f"tags.`{RUN_ID_TAG}` != ''")
        }
        yield mirror._client, ids


def test_the_table_is_the_same_byte_for_byte(
    records: list[Record], mirrored: Path, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_records(tmp_path / "records", records)
    for form in FORMATS:
        expected = board("--records", folder, "--format", form)
        found = board("--from-mlflow", uri, "--format", form)
        assert found.stdout_bytes == expected.stdout_bytes
        assert b"baseline" in found.stdout_bytes
        assert found.stderr == ""
    monkeypatch.setattr(reading, "PAGE", 2)  # a big server gives its runs in pages
    again = board("--from-mlflow", uri, "--format", "json")
    assert again.stdout_bytes == expected.stdout_bytes
    out = tmp_path / "out"
    board("--records", folder, "--out", out)
    board("--from-mlflow", uri, "--out", out, "--check")


def test_what_is_not_the_record_of_a_run_is_left_out(records: list[Record], uri: str) -> None:
    def add(client: Any, content: Any, text: str) -> str:
        experiment = client.get_experiment_by_name(content.experiment)
        tags = {RUN_ID_TAG: content.run_id, DIGEST_TAG: content.digest}
        run_id: str = client.create_run(experiment.experiment_id, tags=tags).info.run_id
        client.log_text(run_id, text, "record.json")
        return run_id

    good = content_of_record(make_run(seed=5).record)
    assert good.artifact is not None
    newer = good.artifact.replace('"schema": 1', '"schema": 2')
    better = records[0].model_copy(
        update={"summary": records[0].summary.model_copy(update={"mean_targets": 0.999})}
    )
    with changed(uri) as (client, ids):
        client.set_tag(ids[records[1].run_id], DIGEST_TAG, "0" * 64)
        client.delete_tag(ids[records[2].run_id], DIGEST_TAG)
        client.set_tag(ids[records[3].run_id], RUN_ID_TAG, "f" * 64)
        add(client, content_of_record(records[4]), records[4].to_json().decode())  # twice
        for text in (newer, better.to_json().decode(), "{", "[" * 10_000):
            add(client, replace(good, digest=sha256_bytes(text.encode()), run_id="e" * 64), text)
        add(client, replace(good, run_id=better.run_id, digest=sha256_bytes(better.to_json())),
            better.to_json().decode())  # fmt: skip
        gone = add(client, replace(good, run_id="d" * 64), "")
        client.set_tag(gone, RUN_ID_TAG, "d" * 64 + "\x1b[2J")
    warnings: list[str] = []
    found = from_mlflow(uri, warn=warnings.append)
    assert {record.run_id for record in found.records} == {records[n].run_id for n in (0, 4, 5)}
    assert set(found.levels.values()) == {0}
    assert len(warnings) == 10
    text = "\n".join(warnings)
    for run_id, words in (
        (records[1].run_id, "was changed in MLflow"),
        (records[2].run_id, "was not mirrored whole"),
        ("f" * 64, f"it holds the record of {records[3].run_id[:12]}"),
        (records[4].run_id, "it is there twice"),
        ("e" * 64, "schema 2 is newer"),
        (better.run_id, "mean_targets"),
    ):
        assert any(run_id[:12] in line and words in line for line in warnings), (words, text)
    assert "\x1b" not in board("--from-mlflow", uri).stderr


def test_a_missing_artifact_costs_its_row_and_a_storage_that_is_down_ends_it(
    records: list[Record], uri: str, mirrored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow.artifacts

    with changed(uri) as (_, ids):
        run_id = ids[records[0].run_id]
    path = mirrored / "mlartifacts" / run_id / "artifacts" / "record.json"
    hidden = path.rename(path.with_suffix(".hidden"))
    try:
        warnings: list[str] = []
        assert len(from_mlflow(uri, warn=warnings.append).records) == len(records) - 1
        assert len(warnings) == 1 and "cannot be read" in warnings[0]
    finally:
        hidden.rename(path)

    def broken(**words: object) -> None:
        raise OSError("the bucket does not answer")

    monkeypatch.setattr(mlflow.artifacts, "download_artifacts", broken)
    with pytest.raises(TrackingError, match="the bucket does not answer"):
        from_mlflow(uri, warn=lambda _: None)


def test_reading_changes_nothing_and_makes_nothing(
    uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    database = tmp_path / "mlflow.db"
    before = database.read_bytes()
    from_mlflow(uri, warn=pytest.fail)
    assert database.read_bytes() == before
    with pytest.raises(TrackingError, match="no MLflow database"):
        from_mlflow(f"sqlite:///{tmp_path / 'none' / 'mlflow.db'}", warn=pytest.fail)
    empty = tmp_path / "empty.db"
    with closing(sqlite3.connect(empty)) as connection:
        connection.execute("CREATE TABLE other (x)")
    before = empty.read_bytes()
    with pytest.raises(TrackingError, match="holds nothing of MLflow"):
        from_mlflow(f"sqlite:///{empty}", warn=pytest.fail)
    assert empty.read_bytes() == before
    database.write_bytes(b"no database at all " * 100)
    with pytest.raises(TrackingError, match="not a database"):
        from_mlflow(uri, warn=pytest.fail)
    left = {path.name for path in tmp_path.iterdir()}
    assert left <= {"mlflow.db", "mlflow.lock", "empty.db"}


@contextmanager
def silent_server() -> Iterator[int]:
    """Yield the port of a server that takes connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


@pytest.mark.parametrize("scheme", ["http", "postgresql+psycopg2"])
def test_who_does_not_answer_is_named_in_bounded_time_without_the_password(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("psycopg2")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "2")  # libpq takes no less
    with silent_server() as port:
        for there in (port, 9):  # the discard port: nobody listens
            place = f"127.0.0.1:{there}"
            uri = f"{scheme}://bob:{quote(PASSWORD, safe='')}@{place}/x?sslpassword=hunter2"
            begin = time.monotonic()
            with pytest.raises(TrackingError) as caught:
                board("--from-mlflow", uri)
            assert time.monotonic() - begin < 40
            assert caught.value.exit_code == 10
            assert place in caught.value.what
            assert "\n" not in caught.value.what
            shown: BaseException | None = caught.value
            while shown is not None:  # also what --debug prints
                assert "hunter2" not in str(shown) and "bob" not in str(shown)
                shown = shown.__cause__ or shown.__context__


def test_a_login_reaches_the_server_apart_from_its_address() -> None:
    heard: list[bytes] = []

    def serve(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            heard.append(connection.recv(65536))
            connection.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        port = listening.getsockname()[1]
        with pytest.raises(TrackingError, match="401"):
            from_mlflow(f"http://bob:s%40cret@127.0.0.1:{port}", warn=pytest.fail)
        thread.join()
    assert b"Basic Ym9iOnNAY3JldA==" in heard[0]  # bob:s@cret
    assert "MLFLOW_TRACKING_PASSWORD" not in os.environ


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("http://bob:a/b@c@host:5000/x?token=t", "http://host:5000/x"),
        ("postgresql://host/db?password=secret", "postgresql://host/db"),
        ("bob:secret@host", "host"),
        ("sqlite:////home/me@work/mlflow.db", "sqlite:////home/me@work/mlflow.db"),
    ],
)
def test_an_address_is_shown_without_secrets(uri: str, shown: str) -> None:
    assert without_secrets(uri) == shown


def test_words_of_others_are_scrubbed() -> None:
    uri = "postgresql://bob:p%40ss@host/db?sslpassword=key"
    for text in (uri, "password p@ss of bob:p%40ss", "http://ann:other@host/y"):
        found = scrubbed(text, uri)
        assert not {"p%40ss", "p@ss", "key", "ann"} & set(found.replace("/", " ").split())
        assert "p%40ss" not in found and "p@ss" not in found and "other" not in found


def test_options_that_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="exclude"):
        board("--from-mlflow", "http://127.0.0.1:9", "--records", tmp_path)
    with pytest.raises(TrackingError, match="empty"):
        board("--from-mlflow", "")
    with pytest.raises(TrackingError, match="no MLflow store"):
        board("--from-mlflow", "ftp://127.0.0.1/x")


def test_devbench_looks_at_its_own_experiments_only(uri: str, records: list[Record]) -> None:
    with changed(uri) as (client, _):
        other = client.create_experiment("someone else's")
        client.create_run(other, tags={RUN_ID_TAG: "a" * 64, DIGEST_TAG: "b" * 64})
    assert len(from_mlflow(uri, warn=pytest.fail).records) == len(records)
