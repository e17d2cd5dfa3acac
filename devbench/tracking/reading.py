"""The records that an MLflow store holds, read back for a table.

They are claims (V0), like those in a folder: the store is a mirror, written by whoever may write to
it. What was changed there, is not whole, or is there twice is left out with a warning.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from devbench.errors import CheckError, DataError, DevbenchError, TrackingError
from devbench.files import MAX_JSON_BYTES, read_bytes, sha256_bytes
from devbench.results.expected import Expectation
from devbench.results.gather import Gathered
from devbench.results.record import Record, parse_record
from devbench.results.verify import require_well_formed
from devbench.tracking.address import (
    Address,
    address_of,
    alone,
    load_mlflow,
    logged_in,
    open_client,
    quiet,
)
from devbench.tracking.content import ARTIFACT, DIGEST_TAG, RUN_ID_TAG
from devbench.tracking.mirror import Mirror, tracking_errors

if TYPE_CHECKING:
    from mlflow.entities import Run

PAGE = 100
N_READERS = 8
MAX_UNREADABLE = 3
"""After so many artifacts that are there and cannot be had, their storage is down."""

Warn = Callable[[str], None]
_NOT_THERE = ("RESOURCE_DOES_NOT_EXIST", "404 Client Error", "No such artifact", "No such file")
_FIX = "check the address, and that the server runs; or: devbench leaderboard --records DIR"


def from_mlflow(uri: str, *, warn: Warn) -> Gathered:
    """Return the records in an MLflow store, which hold at V0; of the others warn says why not.

    Raises TrackingError when the store cannot be reached or read.
    """
    found: dict[str, Record] = {}
    seen: set[str] = set()
    expectation = Expectation([])
    with _opened(_address(uri)) as (mirror, fetch):
        runs = mirror.runs(f"tags.`{RUN_ID_TAG}` != ''", page=PAGE)
        while page := list(islice(runs, PAGE)):
            # Failed runs have no record. A run that is written meanwhile moves others to a page
            # that was not read yet.
            new = [r for r in page if r.info.status != "FAILED" and r.info.run_id not in seen]
            seen |= {run.info.run_id for run in new}
            for run, data in zip(new, fetch(new), strict=True):
                run_id = run.data.tags[RUN_ID_TAG]
                try:
                    record = _record(run, data)
                    expectation.require_fit(record)
                    if record.run_id in found:
                        raise CheckError("it is there twice", fix="delete one in MLflow")
                except DevbenchError as error:
                    warn(f"left out {run_id[:12]}: {error.what}")
                else:
                    found[record.run_id] = record
    return Gathered(tuple(found.values()), dict.fromkeys(found, 0))


def _record(run: Run, data: bytes | DataError) -> Record:
    """Return the record of a run, or raise what is wrong with it."""
    tags = run.data.tags
    if DIGEST_TAG not in tags:
        raise DataError("it was not mirrored whole", fix="devbench track sync")
    if isinstance(data, DataError):
        raise data
    if sha256_bytes(data) != tags[DIGEST_TAG]:
        raise CheckError("its record was changed in MLflow", fix="devbench track sync")
    record = parse_record(data, origin=ARTIFACT)
    if record.run_id != tags[RUN_ID_TAG]:
        raise CheckError(f"it holds the record of {record.run_id[:12]}", fix="delete it in MLflow")
    require_well_formed(record)
    return record


def _address(uri: str) -> Address:
    """Return where to read; what is read is never migrated, though it were the store's own."""
    if not uri.strip():
        raise TrackingError("the address is empty", fix="give --from-mlflow http://HOST:PORT")
    return replace(address_of(Path(), uri), is_own=False)


Fetch = Callable[[list["Run"]], Iterator[bytes | DataError]]


@contextlib.contextmanager
def _opened(address: Address) -> Iterator[tuple[Mirror, Fetch]]:
    """Open what is there and make nothing: MLflow would fill an empty database with its tables."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(tracking_errors(address, fix=_FIX))
        load_mlflow(address)
        there = stack.enter_context(logged_in(address))
        stack.enter_context(quiet())
        database = there.database
        if database is not None and not database.is_file():
            raise TrackingError(f"no MLflow database {str(database)!r}", fix=_FIX)
        if there.artifact_root is not None:
            _require_tables(there)
        # Whoever makes or migrates the tables holds the lock; where nobody may write, nobody does.
        is_shared = database is not None and os.access(database.parent, os.W_OK)
        with alone(there) if is_shared else contextlib.nullcontext():
            client = open_client(there)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="devbench-")))
        pool = ThreadPoolExecutor(N_READERS)
        stack.callback(pool.shutdown, cancel_futures=True)
        yield Mirror(client, there), _fetching(there.uri, folder, pool)


def _require_tables(address: Address) -> None:
    import sqlalchemy

    engine = sqlalchemy.create_engine(address.uri, poolclass=sqlalchemy.NullPool)
    if not sqlalchemy.inspect(engine).has_table("experiments"):
        raise TrackingError("that database holds nothing of MLflow", fix=_FIX)


def _fetching(uri: str, folder: Path, pool: ThreadPoolExecutor) -> Fetch:
    unreadable: list[Exception] = []

    def fetch(run: Run) -> bytes | DataError:
        import mlflow.artifacts

        own = folder / run.info.run_id
        own.mkdir()
        try:
            mlflow.artifacts.download_artifacts(
                artifact_uri=f"{run.info.artifact_uri}/{ARTIFACT}",
                dst_path=str(own),
                tracking_uri=uri,
            )
        except Exception as error:  # MLflow, requests, storage: no common base class
            if not any(words in str(error) for words in _NOT_THERE):
                unreadable.append(error)
                if len(unreadable) >= MAX_UNREADABLE:
                    raise
            return DataError(f"its {ARTIFACT} cannot be read", fix="devbench track sync")
        path = own / ARTIFACT
        if path.stat().st_size > MAX_JSON_BYTES:
            return DataError(f"its {ARTIFACT} is too large", fix="delete the run in MLflow")
        data = read_bytes(path)
        path.unlink()
        return data

    return lambda runs: pool.map(fetch, runs)
