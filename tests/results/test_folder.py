"""A folder of published runs: answers give the record's figures, and nothing false gets in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from devbench.cli import records as records_cli
from devbench.errors import CheckError, DataError, UsageError
from devbench.results.answers import Answers, read_answers, sheet
from devbench.results.folder import answers_path, write_folder
from devbench.results.gather import from_folder, from_store
from devbench.results.store import Store
from helpers.records import make_run


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "store")
    for method in ("baseline", "freq-mixstyle"):
        for source in ("iphone14", "lggram"):
            for seed in range(2):
                run = make_run(method=method, source=source, seed=seed)
                made.publish(run.record, run.logits, run.weights)
    return made


def silent(words: str) -> None:
    pytest.fail(words)


def test_published_answers_are_those_of_the_logits(store: Store, tmp_path: Path) -> None:
    n_new = write_folder(store, store.run_ids(), tmp_path / "out")
    assert n_new == 8
    for run_id in store.run_ids():
        record = store.get(run_id)
        path = tmp_path / "out" / "records" / f"{run_id}.json"
        assert path.read_bytes() == store.record_path(run_id).read_bytes()
        found = read_answers(answers_path(path), record)
        expected = Answers.of(store.logits(record), source=record.plan.source)
        assert found.events == expected.events
        assert (found.label == expected.label).all()
        assert (found.predicted == expected.predicted).all()
        once = np.ones((1, len(found.events)))
        assert found.mean_targets(once)[0] == pytest.approx(record.summary.mean_targets)
    assert write_folder(store, store.run_ids(), tmp_path / "out") == 0


def test_a_folder_gives_the_intervals_of_the_store(store: Store, tmp_path: Path) -> None:
    write_folder(store, store.run_ids(), tmp_path / "out")

    def intervals(gathered: Any) -> list[tuple[str, Any]]:
        rows = gathered.blocks(warn=silent)[0].tables[0][1]
        return [(row.method, row.interval) for row in rows]

    own = intervals(from_store(store, None, warn=lambda words: None))
    assert own == intervals(from_folder(tmp_path / "out" / "records", warn=silent))
    assert all(interval is not None for _, interval in own)


def test_a_damaged_run_is_not_published(store: Store, tmp_path: Path) -> None:
    record = store.get(store.run_ids()[3])
    store.blob_path("logits", record.logits_sha256).write_bytes(b"x")
    with pytest.raises(CheckError, match="not published"):
        write_folder(store, store.run_ids(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"said": {}}, CheckError, "not the answers of this run"),
        ({"run_id": "0" * 64}, CheckError, "not the answers of this run"),
        ({"label": [0]}, DataError, "numbers from 0"),
        ({"label": [3] * 9}, DataError, "numbers from 0 to 2"),
        ({"label": [2, 0, 1] * 3}, CheckError, "other answers"),
        ({"schema": 2}, DataError, "schema"),
        ({"more": 1}, DataError, "more"),
    ],
)
def test_answers_that_do_not_fit_are_refused(
    tmp_path: Path, change: dict[str, Any], error: type[Exception], words: str
) -> None:
    run = make_run()
    document = json.loads(sheet(run.record.run_id, run.stored)) | change
    path = tmp_path / "answers.json"
    path.write_text(json.dumps(document))
    with pytest.raises(error, match=words):
        read_answers(path, run.record)


def test_a_row_with_refused_answers_stays_without_an_interval(store: Store, tmp_path: Path) -> None:
    write_folder(store, store.run_ids(), tmp_path / "out")
    path = tmp_path / "out" / "records" / f"{store.run_ids()[0]}.json"
    answers_path(path).write_text("{}")
    said: list[str] = []
    gathered = from_folder(path.parent, warn=silent)
    rows = gathered.blocks(warn=said.append)[0].tables[0][1]
    broken = store.get(store.run_ids()[0]).plan.method.name
    assert {row.method for row in rows if row.interval is None} == {broken}
    assert len(said) == 1
    assert store.run_ids()[0][:12] in said[0]


def test_the_command_says_what_comes_next(store: Store, tmp_path: Path) -> None:
    arguments = ["publish", "--all", "--to", str(tmp_path / "out"), "--store", str(store.folder)]
    result = CliRunner().invoke(records_cli.command, arguments, standalone_mode=False)
    assert "8 runs in" in result.output
    assert "next: devbench leaderboard --records" in result.output
    none = CliRunner().invoke(
        records_cli.command, [*arguments, "--benchmark", "other"], standalone_mode=False
    )
    assert isinstance(none.exception, UsageError)
