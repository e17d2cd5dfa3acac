"""One cell on a node of a cluster: computed in that node's scratch, handed back as bytes.

<tmp>/devbench-node-<uid>/cache/                corpora and features, for every sweep that comes by
<tmp>/devbench-node-<uid>/sweeps/<sweep>/       artifacts and work that the cells of one sweep share
<tmp>/devbench-node-<uid>/sweeps/<sweep>/own/   a store for each try at a cell, gone when it is over

What the cells of a node share is made once: the locks of a store see to it. <tmp> is $TMPDIR of the
process that started the node, else the system's. Everything here can be computed again.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from devbench.errors import EXIT_DATA, EXIT_INTERRUPTED, DataError, DevbenchError
from devbench.files import publish, read_bytes, sha256_bytes
from devbench.results.artifact import ArtifactDocument, parse_document
from devbench.results.bundle import export
from devbench.results.shelf import Shelf, join
from devbench.results.store import Store
from devbench.running.observe import CHOICE_VARIABLE
from devbench.sweeping.cells import Cell
from devbench.sweeping.local import Ended, run_cells

SAY_EVERY_S = 2.0
MAX_LOG_BYTES = 200_000
MAX_DIFFERENCES = 5
FORGET_AFTER_S = 7 * 86_400.0
"""How long the scratch of a sweep that nobody works at is kept."""
FIX_NODE = (
    "give every node the same devbench, plugins, --data folder and kind of processor, or take this "
    "one out of the cluster; then type the same command again"
)
FIX_PAIR = "type the same command again: it is fetched or learned anew"
Pair = tuple[bytes, bytes]
"""An artifact on its way: its document and its tensors."""


@dataclass(frozen=True, slots=True)
class Job:
    """A cell on its way to a node.

    plan: what the sweep planned; a node that plans anything else computes nothing. benchmark: the
    TOML of one that was given by path. data: a folder that is on the node, too. sweep: whose
    artifacts and work are shared.
    """

    cell: Cell
    plan: Mapping[str, Any]
    sweep: str
    data: Path | None = None
    benchmark: bytes | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """A failure that the node's store wrote down, for the sweep's own store."""

    state: str
    reason: str
    phase: str


@dataclass(frozen=True, slots=True)
class Parcel:
    """What comes back.

    is_unfit: the node could not carry out what was planned; why stands in ended. bundle: record,
    logits and weights as `devbench records export` writes them. artifacts: those that the run used
    and the sweep did not have. log: the end of what was written on standard error.
    """

    node: str
    ended: Ended
    is_unfit: bool = False
    bundle: bytes = b""
    artifacts: tuple[Pair, ...] = ()
    failures: tuple[Failed, ...] = ()
    log: bytes = b""


def carry_out(
    job: Job,
    *,
    node: str,
    known: Mapping[str, Callable[[], Pair]],
    say: Callable[[Mapping[str, Any]], None],
) -> Parcel:
    """Run one cell and return all that the sweep wants of it; no DevbenchError is raised.

    known: how to fetch the sweep's artifacts, by key. say: is told that it begins and how far it
    is. KeyboardInterrupt ends the run and is raised.
    """
    say({"event": "begun", "node": node})
    try:
        shared = _shared_folder(job.sweep)
        _fetch(Shelf(shared / "artifacts"), known, shared)
        with _own_store(shared) as store:
            return _run(job, store, node=node, known=known, say=say)
    except (DevbenchError, OSError) as error:
        what = error.what if isinstance(error, DevbenchError) else str(error)
        fix = error.fix if isinstance(error, DevbenchError) else FIX_NODE
        code = error.exit_code if isinstance(error, DevbenchError) else EXIT_DATA
        return Parcel(node, Ended(job.cell, code, 0.0, what=what, fix=fix), is_unfit=True)


def _run(
    job: Job,
    store: Store,
    *,
    node: str,
    known: Mapping[str, object],
    say: Callable[[Mapping[str, Any]], None],
) -> Parcel:
    os.environ[CHOICE_VARIABLE] = "none"  # records are mirrored where the sweep's store is
    listener, logs = _Listener(job.plan, say), store.folder.parent / "logs"
    cell = _placed(job, store.folder.parent)
    try:
        (ended,) = run_cells(
            [cell], n_jobs=1, data=job.data, store=store.folder, logs=logs, watcher=listener,
            keep=lambda ended: None,
        )  # fmt: skip
    except _UnfitError as error:
        ended = Ended(job.cell, error.exit_code, 0.0, what=error.what, fix=error.fix)
        return Parcel(node, ended, is_unfit=True)
    ended = replace(ended, cell=job.cell)
    if ended.code == 0:
        run_id, path = job.cell.run_id, store.folder.parent / "run.zip"
        export(store, [run_id], path, with_weights=True)
        artifacts = tuple(_used(store, run_id, known))
        return Parcel(node, ended, bundle=read_bytes(path), artifacts=artifacts)
    # What the sweep could plan, a node that is like it can plan, too.
    is_unfit = not listener.is_planned and ended.code > 0 and ended.code != EXIT_INTERRUPTED
    failures = [Failed(f.state, f.reason, f.phase) for f in store.failures(lambda words: None)]
    log = b""
    with contextlib.suppress(OSError):
        log = (logs / f"{cell.run_id}.txt").read_bytes()[-MAX_LOG_BYTES:]
    return Parcel(node, ended, is_unfit, failures=tuple(failures), log=log)


class _UnfitError(DataError):
    """The node plans another run than the sweep did."""


class _Listener:
    """Hears a cell: compares its plan, and passes on a part of what it says."""

    def __init__(self, plan: Mapping[str, Any], say: Callable[[Mapping[str, Any]], None]) -> None:
        self._plan, self._say = plan, say
        self._due = 0.0
        self.is_planned = False

    def begun(self, slot: int, cell: Cell) -> None:
        """Hear that the process was started."""

    def told(self, slot: int, cell: Cell, message: Mapping[str, Any]) -> None:
        """Compare the plan; pass on warnings and, now and then, the rest."""
        if message["event"] == "planned":
            require_same_plan(self._plan, message["plan"])
            self.is_planned = True
        elif message["event"] == "warning" or time.monotonic() >= self._due:
            self._due = time.monotonic() + SAY_EVERY_S
            self._say(message)

    def ended(self, slot: int, ended: Ended) -> None:
        """Hear that the process ended."""


def require_same_plan(planned: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    """Raise DataError that names what differs between the sweep's plan and the node's."""
    wanted, there = dict(_flat(planned)), dict(_flat(found))
    keys = [key for key in sorted({*wanted, *there}) if wanted.get(key) != there.get(key)]
    if not keys:
        return
    words = [
        f"{key} {str(there.get(key))[:40]!r} instead of {str(wanted.get(key))[:40]!r}"
        for key in keys[:MAX_DIFFERENCES]
    ]
    fix = FIX_NODE
    if any(key == "corpus.fingerprint" for key in keys):
        fix = "put a copy of one corpus in the same place on every node and give --data DIR"
    raise _UnfitError(f"it would compute another run: {', '.join(words)}", fix=fix)


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, inner in value.items():
        if isinstance(inner, Mapping):
            yield from _flat(inner, f"{prefix}{key}.")
        else:
            yield prefix + key, inner


def packed(shelf: Shelf, key: str) -> Pair:
    """Return an artifact of a shelf as bytes, checked."""
    item = shelf.get(key)
    return item.document.to_json(), item.read()


def unpacked(pair: Pair) -> tuple[ArtifactDocument, bytes]:
    """Return the document and the tensors of an artifact; DataError unless they belong together."""
    document = parse_document(pair[0], origin="an artifact on its way", fix=FIX_PAIR)
    if len(pair[1]) != document.size_bytes or sha256_bytes(pair[1]) != document.sha256:
        raise DataError(f"artifact {document.key[:12]} was damaged on its way", fix=FIX_PAIR)
    return document, pair[1]


def _fetch(shelf: Shelf, known: Mapping[str, Callable[[], Pair]], shared: Path) -> None:
    """Put the sweep's artifacts on the node's shelf, once for all its cells."""
    from filelock import FileLock

    missing = [key for key in known if not shelf.has(key)]
    for key in missing:
        with FileLock(shared / "work" / f".fetch-{key[:32]}.lock"):
            if not shelf.has(key):
                join(shelf, *unpacked(known[key]()))


def _used(store: Store, run_id: str, known: Mapping[str, object]) -> Iterator[Pair]:
    """Yield the artifacts that a run used, but for those that are shipped or known."""
    uses = [use for model in store.get(run_id).models for use in model.artifacts]
    shelf = Shelf(store.folder / "artifacts")
    for key in sorted({use.key for use in uses if use.origin != "shipped"} - known.keys()):
        if shelf.has(key):
            yield packed(shelf, key)


def _placed(job: Job, folder: Path) -> Cell:
    """Return the cell with its benchmark where this node has it."""
    if job.benchmark is None:
        return job.cell
    path = folder / Path(job.cell.request.benchmark).name
    publish(path, job.benchmark)
    return replace(job.cell, request=replace(job.cell.request, benchmark=str(path)))


def scratch_folder() -> Path:
    """Return this user's folder on this node; DataError where somebody else made it."""
    folder = Path(tempfile.gettempdir()).absolute() / f"devbench-node-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    facts = folder.lstat()
    is_own = stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.getuid()
    if not is_own or facts.st_mode & 0o022:
        raise DataError(
            f"{str(folder)!r} can be written by others",
            fix="remove it, or start Ray on this node with another TMPDIR",
        )
    return folder


def _shared_folder(sweep: str) -> Path:
    folder = scratch_folder()
    shared = folder / "sweeps" / sweep
    for path in (folder / "cache", *(shared / name for name in ("artifacts", "work", "own"))):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.utime(shared)
    for other in (folder / "sweeps").iterdir():
        with contextlib.suppress(OSError):
            if time.time() - other.stat().st_mtime > FORGET_AFTER_S:
                shutil.rmtree(other, ignore_errors=True)
    return shared


@contextlib.contextmanager
def _own_store(shared: Path) -> Iterator[Store]:
    """Lend a store in which caches, artifacts and work are those of the node."""
    own = Path(tempfile.mkdtemp(dir=shared / "own"))
    try:
        (own / "store").mkdir()
        for name, place in (
            ("cache", shared.parents[1] / "cache"),
            ("artifacts", shared / "artifacts"),
            ("work", shared / "work"),
        ):
            (own / "store" / name).symlink_to(place)
        yield Store(own / "store")
    finally:
        shutil.rmtree(own, ignore_errors=True)
