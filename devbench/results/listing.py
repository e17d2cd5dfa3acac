"""A line per run of a store, in well under a second for ten thousand of them.

To read and check a record costs a millisecond, so what a listing shows of it is kept in
`cache/runs.json` beside the size and time of change of its file; a file that looks different is
read again. It is a cache: it may be deleted, it may be damaged, and nothing but listings reads it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from devbench.errors import DevbenchError
from devbench.files import canonical_json, parse_json, publish, read_bytes
from devbench.results.bulk import many_objects
from devbench.results.record import Record
from devbench.results.store import Store

SCHEMA = 1
CACHE = "cache/runs.json"
Stamp = tuple[int, int]


class Listed(NamedTuple):
    """What a listing shows of a run."""

    run_id: str
    method: str
    source: str
    benchmark: str
    budget: str
    seed: int
    fold: int
    mean_targets: float


_TYPES = (str, str, str, str, str, int, int, float)


def listed_runs(store: Store, warn: Callable[[str], None]) -> list[Listed]:
    """Return a line per readable record in order of run_id; say of others why they are skipped."""
    known = _read(store)
    found: dict[str, tuple[Stamp, Listed]] = {}
    with many_objects():
        for run_id, stamp in _stamps(store).items():
            held = known.get(run_id)
            if held is not None and held[0] == stamp:
                found[run_id] = held
                continue
            try:
                found[run_id] = (stamp, _listed(store.get(run_id)))
            except DevbenchError as error:  # damaged, or removed meanwhile
                warn(f"skipped a record: {error.what}")
    if found != known:
        _write(store, found)
    return [listed for _, listed in found.values()]


def _stamps(store: Store) -> dict[str, Stamp]:
    """Return size and time of change in ns of every record's file, by run_id, sorted."""
    files: dict[str, Stamp] = {}
    with contextlib.suppress(FileNotFoundError), os.scandir(store.folder / "records") as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                stat = entry.stat()
                files[entry.name] = (stat.st_size, stat.st_mtime_ns)
    return {
        run_id: files[name] for run_id in store.run_ids() if (name := f"{run_id}.json") in files
    }


def _listed(record: Record) -> Listed:
    plan = record.plan
    return Listed(
        run_id=record.run_id,
        method=plan.method.name,
        source=plan.source,
        benchmark=plan.benchmark.id,
        budget=plan.budget,
        seed=plan.seed,
        fold=plan.fold,
        mean_targets=record.summary.mean_targets,
    )


def _read(store: Store) -> dict[str, tuple[Stamp, Listed]]:
    """Return what the cache holds; nothing where it is not there or not whole."""
    path = store.folder / CACHE
    try:
        document = parse_json(read_bytes(path), origin=str(path))
        if document["schema"] != SCHEMA:
            return {}
        return {row[2]: _entry(row) for row in document["runs"]}
    except (DevbenchError, KeyError, TypeError, ValueError, IndexError):
        return {}


def _entry(row: Any) -> tuple[Stamp, Listed]:
    size, changed_ns, *fields = row
    types = tuple(map(type, row))
    if types != (int, int, *_TYPES):
        raise ValueError(f"an entry holds {types}")
    return (size, changed_ns), Listed(*fields)


def _write(store: Store, found: Mapping[str, tuple[Stamp, Listed]]) -> None:
    """Keep what was found, where there is a cache and it can be written."""
    if not (store.folder / CACHE).parent.is_dir():
        return
    runs = [[*stamp, *listed] for stamp, listed in found.values()]
    with contextlib.suppress(DevbenchError, OSError):
        data = canonical_json({"schema": SCHEMA, "runs": runs})
        publish(store.folder / CACHE, data, replace=True)
