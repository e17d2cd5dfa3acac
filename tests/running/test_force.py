"""`run --force` mends a record that cannot be read, as `verify` advises."""

from __future__ import annotations

from pathlib import Path

from devbench.results.store import Store
from devbench.running.pipeline import _require_same
from helpers.records import make_run


def test_a_record_that_cannot_be_read_is_written_anew(tmp_path: Path) -> None:
    store, made = Store(tmp_path / "store"), make_run()
    store.publish(made.record, made.logits, made.weights)
    path = store.record_path(made.record.run_id)
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    _require_same(store, made.record)
    store.publish(made.record, made.logits, made.weights)
    assert path.read_bytes() == whole
