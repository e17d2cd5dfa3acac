"""Bring the mirror up to the records, or make it anew from them."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from devbench.errors import UsageError
from devbench.files import disk_errors, sync_folder
from devbench.results.store import Store
from devbench.sweeping.asked import Family, by_run, families
from devbench.tracking.address import Address, address_of, alone, sqlite_uri, without_secrets
from devbench.tracking.content import Content, content_of_failure, content_of_record
from devbench.tracking.mirror import Mirror, mirror_at
from devbench.tracking.parent import begun_sweep, content_of_sweep

Progress = Callable[[int, int], None]
Warn = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Synced:
    """What a sync did.

    written: runs that are new or were mended; kept: already there; records, failures, sweeps: in
    all.
    """

    uri: str
    written: int
    kept: int
    records: int
    failures: int
    sweeps: int


def sync(
    store: Store, uri: str | None = None, *, warn: Warn, progress: Progress | None = None
) -> Synced:
    """Mirror every record, failed run and sweep that is not there yet, or not whole.

    Raises TrackingError when the MLflow store cannot be used.
    """
    address = address_of(store.folder, uri)
    contents = _contents(store, warn)
    sweeps = families(store)
    with mirror_at(address) as mirror:
        written = _write(mirror, contents, sweeps, progress)
    return _synced(address, written, contents, sweeps)


def mirror_sweep(sweep_id: str, store: Path | str, uri: str | None = None) -> None:
    """End a sweep's parent run with its counts, and write what of its cells is missing.

    Raises TrackingError when MLflow is missing or its store cannot be used.
    """
    opened = Store(Path(store))
    sweeps = families(opened)
    family = next((one for one in sweeps if one.sweep_id == sweep_id), None)
    if family is None:
        return  # it asked for nothing, or its grid cannot be read
    own = {run_id for run_id, of in by_run(sweeps).items() if of is family}
    # Counted are all its cells; its children are those that no earlier sweep asked for.
    contents = _contents(opened, lambda _: None, only={*own, *family.run_ids})
    known = {content.run_id: content for content in contents}
    with mirror_at(address_of(opened.folder, uri)) as mirror:
        parent_id = mirror.open_parent(begun_sweep(family))
        states = mirror.states(parent_id)
        for content in contents:
            if content.run_id in own and not _is_there(states, content, parent_id):
                mirror.write(content, parent_id)
        mirror.write(content_of_sweep(family, known))


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
            written = _write(mirror, _contents(store, warn), families(store), progress)
        with alone(address):  # nobody writes to the old one now: add what came while we built
            contents, sweeps = _contents(store, lambda _: None), families(store)
            with mirror_at(there, needs_lock=False) as mirror:
                written += _write(mirror, contents, sweeps, None)
                folders = mirror.artifact_folders()
            with disk_errors(address.database):
                fresh.replace(address.database)
                sync_folder(address.database.parent)
            _drop_artifacts(address, keep=folders)
    finally:
        fresh.unlink(missing_ok=True)
    return _synced(address, written, contents, sweeps)


def _contents(store: Store, warn: Warn, *, only: Collection[str] | None = None) -> list[Content]:
    """Return one content for each run (only: of these): its record, else its last failure."""
    failures = sorted(store.failures(warn), key=lambda failure: failure.at_utc)
    contents = {
        failure.run_id: content_of_failure(failure)
        for failure in failures
        if only is None or failure.run_id in only
    }
    records = store.records(warn, only=only)
    contents |= {record.run_id: content_of_record(record) for record in records}
    return list(contents.values())


def _write(
    mirror: Mirror, contents: list[Content], sweeps: list[Family], progress: Progress | None
) -> int:
    """Write what is missing: parents are opened first, ended when their cells are there."""
    known = {content.run_id: content for content in contents}
    states, parents = mirror.states(), {}
    for family in sweeps:
        parents[family.sweep_id] = mirror.open_parent(begun_sweep(family))
    of = {run_id: parents[family.sweep_id] for run_id, family in by_run(sweeps).items()}
    missing = [c for c in contents if not _is_there(states, c, of.get(c.run_id))]
    written = 0
    for done, content in enumerate(missing, start=1):
        written += mirror.write(content, of.get(content.run_id))
        if progress is not None:
            progress(done, len(missing))
    for family in sweeps:
        mirror.write(content_of_sweep(family, known))
    return written


def _is_there(
    states: Mapping[str, tuple[str, str | None]], content: Content, parent_id: str | None
) -> bool:
    digest, found_id = states.get(content.run_id, ("", None))
    return digest == content.digest and parent_id in (None, found_id)


def _synced(
    address: Address, written: int, contents: list[Content], sweeps: list[Family]
) -> Synced:
    failures = sum(content.status == "FAILED" for content in contents)
    return Synced(
        uri=without_secrets(address.uri),
        written=written,
        kept=max(0, len(contents) - written),
        records=len(contents) - failures,
        failures=failures,
        sweeps=len(sweeps),
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
