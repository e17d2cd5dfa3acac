"""One MLflow run for each record: whole, once, equal to it, whoever writes at the same time."""

from __future__ import annotations

import contextlib
import math
import shutil
import sqlite3
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from devbench.errors import TrackingError, UsageError
from devbench.registry import PluginRef
from devbench.results.record import Record
from devbench.results.store import Store
from devbench.running.observe import Observers
from devbench.tracking.address import address_of, alone, open_client, quiet
from devbench.tracking.content import DIGEST_TAG, RUN_ID_TAG, content_of_record
from devbench.tracking.mirror import mirror_record
from devbench.tracking.sync import rebuild, sync
from helpers.records import MadeRun, make_plan, make_run


def mlflow_runs(store: Path, uri: str | None = None) -> list[Any]:
    address = address_of(store, uri)
    with alone(address), quiet():
        client = open_client(address)
        experiments = client.search_experiments(filter_string="name LIKE 'devbench/%'")
        return [
            run
            for experiment in experiments
            for run in client.search_runs([experiment.experiment_id], max_results=1000)
        ]


def by_run_id(runs: list[Any]) -> dict[str, Any]:
    return {run.data.tags[RUN_ID_TAG]: run for run in runs}


def fill(store: Store, *made: MadeRun) -> None:
    for run in made:
        store.publish(run.record, run.logits, dict(run.weights))


def no_warning(text: str) -> None:
    raise AssertionError(text)


@pytest.fixture(autouse=True)
def _no_tracking_uri(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store with a fresh MLflow database: making one costs seconds, so tests share it."""
    store = Store(tmp_path_factory.mktemp("shared") / "a store")
    store.prepare()
    mirror_record(make_run(seed=99, benchmark="other").record, store.folder)
    return store


RACE = """
import sys, time
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from helpers.records import make_run
from helpers.forks import import_mlflow, in_children
from devbench.tracking.mirror import mirror_record

store, n, start = Path(sys.argv[1]), int(sys.argv[3]), time.time() + 0.3
records = [make_run(seed=seed).record for seed in range(n)]
import_mlflow()


def mirror(record):
    time.sleep(max(0.0, start - time.time()))
    mirror_record(record, store)


sys.exit(not in_children([lambda record=record: mirror(record) for record in records]))
"""


def test_sixteen_processes_on_a_fresh_store_lose_nothing(tmp_path: Path) -> None:
    store, n_runs = tmp_path / "store", 16
    tests = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", RACE, str(store), str(tests), str(n_runs)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # MLflow's and Alembic's talk is not for the user's screen
    runs = mlflow_runs(store)
    assert len(runs) == n_runs
    found = by_run_id(runs)
    for seed in range(n_runs):
        assert_shows(found, make_run(seed=seed).record)


def assert_shows(found: dict[str, Any], record: Record) -> None:
    run = found[record.run_id]
    metrics, params = run.data.metrics, run.data.params
    assert run.info.status == "FINISHED"
    assert metrics["macro_f1.mean_targets"] == record.summary.mean_targets
    assert metrics["worst_target"] == record.summary.worst_target
    for score in record.scores:
        assert metrics[f"macro_f1.{score.device}"] == score.macro_f1
        assert metrics[f"weighted_f1.{score.device}"] == score.weighted_f1
    assert all(math.isfinite(value) for value in metrics.values())
    assert params["seed"] == str(record.plan.seed)
    assert params["method"] == record.plan.method.name
    assert run.data.tags["devbench.track"] == record.plan.method.track


def test_a_record_is_mirrored_once_and_whole(shared: Store) -> None:
    record = make_run(seed=100).record
    for _ in range(2):
        mirror_record(record, shared.folder)
    mirror_record(record.model_dump(mode="json", by_alias=True), str(shared.folder))  # as a hook
    runs = [r for r in mlflow_runs(shared.folder) if r.data.tags[RUN_ID_TAG] == record.run_id]
    assert len(runs) == 1
    assert_shows(by_run_id(runs), record)
    folder = shared.folder / "mlartifacts" / runs[0].info.run_id / "artifacts"
    assert (folder / "record.json").read_bytes() == record.to_json()
    with quiet():
        history = open_client(address_of(shared.folder)).get_metric_history(
            runs[0].info.run_id, "val_loss"
        )
    expected = [(epoch.epoch, epoch.val_loss) for epoch in record.models[0].history]
    assert [(point.step, point.value) for point in history] == expected


def test_a_half_mirrored_run_is_completed_and_a_repeated_one_is_updated(shared: Store) -> None:
    record = make_run(seed=101).record
    content = content_of_record(record)
    with quiet():
        client = open_client(address_of(shared.folder))
        mirror_record(make_run(seed=102).record, shared.folder)
        experiment = client.get_experiment_by_name(content.experiment)
        client.create_run(experiment.experiment_id, tags={RUN_ID_TAG: record.run_id})
    mirror_record(record, shared.folder)
    assert_shows(by_run_id(mlflow_runs(shared.folder)), record)
    again = record.model_copy(
        update={"measured": {"started_at": "2031-01-02T03:04:05+00:00", "times_s": {"fit": 99.0}}}
    )
    mirror_record(again, shared.folder)
    runs = [r for r in mlflow_runs(shared.folder) if r.data.tags[RUN_ID_TAG] == record.run_id]
    assert len(runs) == 1
    assert runs[0].data.metrics["times_s.fit"] == 99.0
    assert runs[0].data.tags[DIGEST_TAG] == content_of_record(again).digest


def test_hostile_text_is_stored_as_text(shared: Store) -> None:
    hostile = ["<script>alert(1)</script>", "=cmd|' /C calc'!A0", "\x1b[2J\x00gone", "x" * 9000]
    record = make_run(seed=103).record.model_copy(update={"warnings": hostile})
    mirror_record(record, shared.folder)
    tags = by_run_id(mlflow_runs(shared.folder))[record.run_id].data.tags
    assert tags["devbench.warnings"].startswith("\n".join(hostile[:2]))
    assert not set("\x1b\x00") & set(tags["devbench.warnings"])
    assert len(tags["devbench.warnings"]) <= 4000


def test_what_is_no_number_is_no_metric() -> None:
    record = make_run(seed=104, per_target=True).record.model_copy(
        update={
            "measured": {
                "started_at": "no time",
                "times_s": {"fit": None, "total": "nan", "predict": 2},
                "machine": {"cpu": "text", "has_bf16": True},
            }
        }
    )
    content = content_of_record(record)
    keys = {point.key for point in content.metrics}
    assert "times_s.predict" in keys
    assert not keys & {
        "times_s.fit",
        "times_s.total",
        "machine.cpu",
        "machine.has_bf16",
        "source",
        "mean_all",
    }
    assert {f"loss.{target}" for target in record.plan.targets} <= keys  # one classifier each
    assert content.start_ms == 0 == content.end_ms


@pytest.mark.parametrize("huge", [10**400, -(10**400), 1e300], ids=["long", "below", "float"])
def test_numbers_that_no_database_holds_stop_no_mirror(huge: float) -> None:
    """JSON has whole numbers of any length, and `measured` of a record of others is free."""
    measured = {"started_at": "2026-01-01T00:00:00+00:00", "times_s": {"total": huge, "fit": 2.0}}
    record = make_run(seed=106).record.model_copy(update={"measured": measured})
    content = content_of_record(record)
    assert content.end_ms == content.start_ms > 0
    assert "times_s.fit" in {point.key for point in content.metrics}
    assert all(math.isfinite(point.value) for point in content.metrics)


def test_long_histories_and_many_options_are_whole(shared: Store) -> None:
    options = {f"option_{n}": n for n in range(150)}
    record = make_run(seed=105, options=options).record
    history = [record.models[0].history[0].model_copy(update={"epoch": n}) for n in range(1, 501)]
    model = record.models[0].model_copy(update={"history": history})
    mirror_record(record.model_copy(update={"models": [model]}), shared.folder)
    run = by_run_id(mlflow_runs(shared.folder))[record.run_id]
    assert all(run.data.params[f"options.method.option_{n}"] == str(n) for n in range(150))
    with quiet():
        points = open_client(address_of(shared.folder)).get_metric_history(run.info.run_id, "loss")
    assert [point.step for point in points] == list(range(1, 501))


def test_sync_adds_what_is_missing_and_rebuild_gives_the_same(shared: Store) -> None:
    fill(shared, *(make_run(seed=seed) for seed in (100, 110, 111)))
    plan = make_plan(seed=112)
    shared.record_failure(plan, state="nan", reason="loss is NaN in epoch 3", phase="fit")
    first = sync(shared, warn=no_warning)
    assert (first.records, first.failures) == (3, 1)
    second = sync(shared, warn=no_warning)
    assert (second.written, second.kept) == (0, 4)
    failed = by_run_id(mlflow_runs(shared.folder))[plan.run_id]
    assert failed.info.status == "FAILED"
    assert failed.data.tags["devbench.state"] == "nan"
    assert failed.data.tags["devbench.reason"] == "loss is NaN in epoch 3"

    fill(shared, make_run(seed=112))  # the failed run was repeated
    sync(shared, warn=no_warning)
    mended = by_run_id(mlflow_runs(shared.folder))[plan.run_id]
    assert mended.info.status == "FINISHED"
    assert "devbench.reason" not in mended.data.tags

    wanted = set(shared.run_ids())
    before = {i: r for i, r in by_run_id(mlflow_runs(shared.folder)).items() if i in wanted}
    done = rebuild(shared, warn=no_warning)
    assert done.written == len(wanted) == 4
    after = by_run_id(mlflow_runs(shared.folder))
    assert set(after) == wanted
    for run_id, run in after.items():
        assert run.data.metrics == before[run_id].data.metrics
        assert run.data.params == before[run_id].data.params
        assert run.data.tags == before[run_id].data.tags
    folders = {path.name for path in (shared.folder / "mlartifacts").iterdir()}
    assert folders == {run.info.run_id for run in after.values()}
    assert not list(shared.folder.glob(".mlflow*"))


def test_the_environment_names_another_store(
    shared: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere" / "tracking.db"
    elsewhere.parent.mkdir()
    shutil.copy(shared.folder / "mlflow.db", elsewhere)  # faster than a fresh one
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{elsewhere}")
    store = Store(tmp_path / "store")
    record = make_run(seed=3).record
    mirror_record(record, store.folder)
    assert elsewhere.exists()
    assert not (store.folder / "mlflow.db").exists()
    assert_shows(by_run_id(mlflow_runs(store.folder)), record)
    with pytest.raises(UsageError, match="not the database of this store"):
        rebuild(store, warn=no_warning)


@pytest.mark.parametrize(
    "uri", ["file:///tmp/mlruns", "mlruns", "sqlite://", "sqlite:///:memory:", "ftp://x/y"]
)
def test_stores_that_cannot_be_used_are_refused(tmp_path: Path, uri: str) -> None:
    with pytest.raises(TrackingError) as caught:
        mirror_record(make_run().record, tmp_path, uri)
    assert caught.value.exit_code == 10


def test_a_damaged_database_is_named_and_can_be_rebuilt(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    fill(store, make_run(seed=1))
    database = store.folder / "mlflow.db"
    database.write_bytes(b"no database at all " * 100)
    with pytest.raises(TrackingError, match="not a database") as caught:
        mirror_record(make_run(seed=1).record, store.folder)
    assert "track sync --rebuild" in caught.value.fix
    assert rebuild(store, warn=no_warning).written == 1
    assert len(mlflow_runs(store.folder)) == 1


def test_passwords_are_not_shown(tmp_path: Path) -> None:
    with pytest.raises(TrackingError) as caught:
        mirror_record(make_run().record, tmp_path, "ftp://me:secret@host/x")
    assert "secret" not in str(caught.value)


def test_an_older_database_of_the_store_is_migrated(shared: Store, tmp_path: Path) -> None:
    import mlflow.store.db.utils as db
    from alembic import command

    record = make_run(seed=5).record
    address = address_of(tmp_path)
    shutil.copy(shared.folder / "mlflow.db", tmp_path)
    with quiet():
        engine = db.create_sqlalchemy_engine(address.uri)
        config = db._get_alembic_config(address.uri)
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.downgrade(config, "-1")
        with pytest.raises(Exception, match="out-of-date"):
            db._verify_schema(engine)
    mirror_record(record, tmp_path)
    assert_shows(by_run_id(mlflow_runs(tmp_path)), record)
    db._verify_schema(engine)


def test_another_peoples_older_database_is_left_as_it_is(shared: Store, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.db"
    shutil.copy(shared.folder / "mlflow.db", foreign)
    with contextlib.closing(sqlite3.connect(foreign)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '97727af70f4d'")
    before = foreign.read_bytes()
    with pytest.raises(TrackingError, match="out-of-date"):
        mirror_record(make_run().record, tmp_path, f"sqlite:///{foreign}")
    assert foreign.read_bytes() == before


def test_the_observer_mirrors_from_a_process_of_its_own(shared: Store, tmp_path: Path) -> None:
    shutil.copy(shared.folder / "mlflow.db", tmp_path)
    record = make_run(seed=6).record
    ref = PluginRef(
        "observer", "mlflow", "devbench_plugins.observers.mlflow_mirror", "devbench", ""
    )
    log = tmp_path / "observers.log"
    with Observers([ref], log=log) as observers:
        document = record.model_dump(mode="json", by_alias=True)
        observers.started(document["plan"])
        assert observers.finished(document, tmp_path) == []
        assert_shows(by_run_id(mlflow_runs(tmp_path)), record)
    (tmp_path / "mlflow.db").write_bytes(b"damaged" * 1000)
    with Observers([ref], log=log) as observers:
        warnings = observers.finished(document, tmp_path)
    assert len(warnings) == 1 and "devbench track sync --rebuild" in warnings[0]


def test_without_mlflow_the_error_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)
    with pytest.raises(TrackingError, match="not installed") as caught:
        mirror_record(make_run().record, tmp_path)
    assert "pip install" in caught.value.fix
    monkeypatch.setattr(metadata, "version", lambda _: "3.9.1")
    with pytest.raises(TrackingError, match="older than"):
        mirror_record(make_run().record, tmp_path)
