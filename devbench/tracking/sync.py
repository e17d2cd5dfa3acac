"""Bring the mirror up to the records, or make it anew from them."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace

from devbench.errors import UsageError
from devbench.files import disk_errors, sync_folder
from devbench.results.store import Store
from devbench.tracking.address import Address, address_of, alone, sqlite_uri, without_secrets
from devbench.tracking.content import Content, content_of_failure, content_of_record
from devbench.tracking.mirror import Mirror, mirror_at

Progress = Callable[[int, int], None]
Warn = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Synced:
    """What a sync did.

    written: runs that are new or were mended; kept: already there; records, failures: in all.
    """

    uri: str
    written: int
    kept: int
    records: int
    failures: int


def sync(
    store: Store, uri: str | None = None, *, warn: Warn, progress: Progress | None = None
) -> Synced:
    """Mirror every record and every failed run that is not there yet, or not whole.

    Raises TrackingError when the MLflow store cannot be used.
    """
    address = address_of(store.folder, uri)
    contents = _contents(store, warn)
    with mirror_at(address) as mirror:
        written = _write(mirror, contents, progress)
    return _synced(address, written, contents)


def rebuild(
    store: Store, uri: str | None = None, *, warn: Warn, progress: Progress | None = None
) -> Synced:
    """Make the store's own database anew from the records and put it in the old one's place.

    The old one answers until the new one is whole. What people wrote into MLflow by hand is lost.
    """
    address = address_of(store.folder, uri)
    if address.database is None or not address.is_own:
        raise UsageError(
            f"{without_secrets(address.uri)!r} is not the database of this store",
            fix="sync it without --rebuild, or unset MLFLOW_TRACKING_URI and leave --uri out",
        )
    fresh = address.database.with_name(f".{address.database.name}.{secrets.token_hex(6)}.tmp")
    there = replace(address, uri=sqlite_uri(fresh), database=fresh)
    try:
        with mirror_at(there, needs_lock=False) as mirror:
            written = _write(mirror, _contents(store, warn), progress)
        with alone(address):  # nobody writes to the old one now: add what came while we built
            contents = _contents(store, lambda _: None)
            with mirror_at(there, needs_lock=False) as mirror:
                written += _write(mirror, contents, None)
                folders = mirror.artifact_folders()
            with disk_errors(address.database):
                fresh.replace(address.database)
                sync_folder(address.database.parent)
            _drop_artifacts(address, keep=folders)
    finally:
        fresh.unlink(missing_ok=True)
    return _synced(address, written, contents)


def _contents(store: Store, warn: Warn) -> list[Content]:
    """Return one content for each run: its record, else its last failure."""
    failures = sorted(store.failures(warn), key=lambda failure: failure.at_utc)
    contents = {failure.run_id: content_of_failure(failure) for failure in failures}
    contents |= {record.run_id: content_of_record(record) for record in store.records(warn)}
    return list(contents.values())


def _write(mirror: Mirror, contents: list[Content], progress: Progress | None) -> int:
    digests = mirror.digests()
    missing = [content for content in contents if digests.get(content.run_id) != content.digest]
    written = 0
    for done, content in enumerate(missing, start=1):
        written += mirror.write(content)
        if progress is not None:
            progress(done, len(missing))
    return written


def _synced(address: Address, written: int, contents: list[Content]) -> Synced:
    failures = sum(content.status == "FAILED" for content in contents)
    return Synced(
        uri=without_secrets(address.uri),
        written=written,
        kept=max(0, len(contents) - written),
        records=len(contents) - failures,
        failures=failures,
    )


def _drop_artifacts(address: Address, *, keep: set[str]) -> None:
    """Remove the artifacts of the database that was replaced: only folders that MLflow named."""
    root = address.artifact_root
    if root is None or not root.is_dir():
        return
    for folder in root.iterdir():
        is_run = len(folder.name) == 32 and set(folder.name) <= set("0123456789abcdef")
        if is_run and folder.name not in keep and not folder.is_symlink():
            with contextlib.suppress(OSError):
                shutil.rmtree(folder)
