from __future__ import annotations

from pathlib import Path

import pytest

from devbench.results.listing import CACHE, listed_runs
from devbench.results.store import Store
from helpers.records import make_run


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "store")
    for source in ("iphone14", "lggram"):
        run = make_run(source=source)
        made.publish(run.record, run.logits, run.weights)
    return made


def test_the_cache_says_what_the_records_say(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    first = listed_runs(store, pytest.fail)
    assert [run.run_id for run in first] == store.run_ids()
    record = store.get(first[0].run_id)
    assert first[0].mean_targets == record.summary.mean_targets
    assert (first[0].method, first[0].source) == ("freq-mixstyle", record.plan.source)

    def read(self: Store, run_id: str) -> None:
        raise AssertionError(f"{run_id} was read again")

    monkeypatch.setattr(Store, "get", read)
    assert listed_runs(store, pytest.fail) == first


def test_a_record_that_came_changed_or_went_is_seen(store: Store) -> None:
    one, other = listed_runs(store, pytest.fail)
    run = make_run(seed=1)
    store.publish(run.record, run.logits, run.weights)
    assert len(listed_runs(store, pytest.fail)) == 3
    store.record_path(other.run_id).write_bytes(b"{")
    heard: list[str] = []
    assert len(listed_runs(store, heard.append)) == 2
    assert len(heard) == 1 and "skipped a record" in heard[0]
    store.record_path(one.run_id).unlink()
    assert [run.seed for run in listed_runs(store, heard.append)] == [1]
    assert len(heard) == 2  # what is damaged is said every time


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"schema":9,"runs":[]}', b'{"schema":1}', b'{"schema":1,"runs":[[1]]}',
     b'{"schema":1,"runs":[7]}', b'{"schema":1,"runs":[[1,1,"a","b","c","d","e",0,0,"x"]]}'],
)  # fmt: skip
def test_a_damaged_cache_is_made_anew(store: Store, content: bytes) -> None:
    expected = listed_runs(store, pytest.fail)
    path = store.folder / CACHE
    whole = path.read_bytes()
    path.write_bytes(content)
    assert listed_runs(store, pytest.fail) == expected
    assert path.read_bytes() == whole


def test_listing_makes_no_folder(tmp_path: Path) -> None:
    assert listed_runs(Store(tmp_path / "none"), pytest.fail) == []
    assert not (tmp_path / "none").exists()
