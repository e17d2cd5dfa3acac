"""A folder of published runs: records to read and to rank from, without logits and weights.

records/<run_id>.json    the record
answers/<run_id>.json    what it answered, for intervals (answers.py)
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from devbench.errors import CheckError
from devbench.files import publish, read_bytes
from devbench.results.answers import Answers, read_answers, sheet
from devbench.results.record import Record
from devbench.results.verify import Verifier

if TYPE_CHECKING:
    from devbench.results.store import Store


def write_folder(store: Store, run_ids: Sequence[str], folder: Path) -> int:
    """Write runs that hold at V1 into a folder; return how many were not there.

    Raises CheckError for the first run that does not hold; nothing is written then.
    """
    for verdict in Verifier(store).verify(run_ids, level=1):
        if not verdict.is_passed:
            raise CheckError(
                f"run {verdict.run_id[:12]} is not published: {verdict.reason}",
                fix="restore it, or leave it out",
            )
    n_new = 0
    for run_id in run_ids:
        record = store.get(run_id)
        path = folder / "records" / f"{run_id}.json"
        n_new += not path.exists()
        publish(answers_path(path), sheet(run_id, store.logits(record)), replace=True)
        publish(path, read_bytes(store.record_path(run_id)), replace=True)
    return n_new


def answers_path(record_path: Path) -> Path:
    """Return where the answers of a record lie."""
    return record_path.parent.parent / "answers" / record_path.name


def folder_answers(records: Path, record: Record) -> Answers | None:
    """Return the answers that lie beside a folder of records, None where there are none."""
    path = answers_path(records / f"{record.run_id}.json")
    return read_answers(path, record) if path.exists() else None
