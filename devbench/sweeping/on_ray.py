"""Cells on a Ray cluster: each a task of its own on some node, what it made brought back as bytes.

No disk is shared. The cells of one node share corpora, features and artifacts there (on_node.py);
artifacts that the sweep's store has travel to the nodes, those that a node learned travel back. A
cell is computed by one sweep at a time: its lock is the one that `devbench run` takes, too.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devbench.errors import (
    EXIT_INTERRUPTED,
    EXIT_RUN,
    CheckError,
    ConfigurationError,
    DataError,
    DevbenchError,
    RunError,
)
from devbench.files import publish, read_bytes
from devbench.results.bundle import add
from devbench.results.shelf import Shelf, join
from devbench.results.store import Store
from devbench.sweeping.cells import Cell
from devbench.sweeping.local import GRACE_S, POLL_S, Ended, Watcher
from devbench.sweeping.on_node import Job, Parcel, carry_out, packed, unpacked
from devbench.sweeping.ray_cluster import Share, node_name, rooms

if TYPE_CHECKING:
    from filelock import BaseFileLock

    from devbench.sweeping.on_node import Pair

MAX_RETRIES = 5
"""How often a cell is begun again after the loss of its node or its process."""
MAX_AHEAD = 64
"""Cells that wait in the cluster beyond those that fit at once."""
MAX_WARNINGS = 200
NODES_EVERY_S = 10.0


def run_cells(
    cells: Sequence[Cell],
    *,
    share: Share,
    data: Path | None,
    store: Path,
    logs: Path,
    watcher: Watcher,
    keep: Callable[[Ended], None],
    warn: Callable[[str], None],
) -> list[Ended]:
    """Run cells on the cluster that this process has joined, and return how each ended.

    data: a folder that every node has under this path. warn: is told what costs no run. Otherwise
    as local.run_cells. Raises ConfigurationError that names the node where one would compute
    something else than was planned; what ended is kept, and what runs is interrupted.
    """
    sweep = _Sweep(cells, share, data, Store(store), logs, watcher, keep, warn)
    try:
        while sweep.is_unfinished:
            sweep.submit()
            sweep.listen()
            sweep.collect(POLL_S)
    finally:
        sweep.stop()
    return sweep.found


class Ear:
    """Keeps what cells say until the sweep asks: the last word of each, and some warnings."""

    def __init__(self) -> None:
        self._begun: list[tuple[str, Mapping[str, Any]]] = []
        self._last: dict[str, Mapping[str, Any]] = {}
        self._warnings: deque[tuple[str, Mapping[str, Any]]] = deque(maxlen=MAX_WARNINGS)

    def say(self, run_id: str, message: Mapping[str, Any]) -> None:
        """Take in one message."""
        if message["event"] == "begun":
            self._begun.append((run_id, message))
        elif message["event"] == "warning":
            self._warnings.append((run_id, message))
        else:
            self._last[run_id] = message

    def hear(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Return what was said since the last time."""
        heard = [*self._begun, *self._last.items(), *self._warnings]
        self._begun, self._last = [], {}
        self._warnings.clear()
        return heard


def _task(job: Job, known: Mapping[str, Any], ear: Any) -> Parcel:
    """Run a cell in a worker of Ray. known: references to artifacts, by key."""
    import ray

    return carry_out(
        job,
        node=node_name(socket.gethostname(), ray.get_runtime_context().get_node_id()),
        known={key: partial(ray.get, reference) for key, reference in known.items()},
        say=lambda message: ear.say.remote(job.cell.run_id, message),
    )


@dataclass(slots=True)
class _Flying:
    cell: Cell
    lock: BaseFileLock
    slot: int | None = None


class _Sweep:
    """The cells of one call of run_cells: waiting, in the cluster, ended."""

    def __init__(  # noqa: PLR0917 - private, and each is one thing
        self,
        cells: Sequence[Cell],
        share: Share,
        data: Path | None,
        store: Store,
        logs: Path,
        watcher: Watcher,
        keep: Callable[[Ended], None],
        warn: Callable[[str], None],
    ) -> None:
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        self.found: list[Ended] = []
        self._waiting, self._share = list(cells), share
        self._data = data.absolute() if data else None
        self._store, self._logs, self._watcher, self._keep, self._warn = (
            store, logs, watcher, keep, warn
        )  # fmt: skip
        self._shelf = Shelf(store.folder / "artifacts")
        self._flying: dict[Any, _Flying] = {}
        self._tried: set[object] = set()
        self._rooms: dict[str, int] = {}
        self._rooms_due = 0.0
        self._name = os.urandom(6).hex()
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)
        self._ear = (
            ray.remote(Ear).options(num_cpus=0, max_restarts=-1, scheduling_strategy=here).remote()
        )
        self._hearing: Any = None
        self._task = ray.remote(_task).options(
            num_cpus=share.n_cpus,
            num_gpus=share.n_gpus,
            max_retries=MAX_RETRIES,
            scheduling_strategy="SPREAD",
        )
        corpora = {cell.plan.corpus.fingerprint for cell in cells if cell.plan}
        self._known: dict[str, Any] = {}
        for item in self._shelf.all(self._warn):
            if item.document.identity.corpus.fingerprint in corpora:
                self._share_artifact(item.document.key)

    @property
    def is_unfinished(self) -> bool:
        """Return whether cells wait or run."""
        return bool(self._waiting or self._flying)

    def submit(self) -> None:
        """Hand cells to the cluster, a few more than it has room for."""
        if time.monotonic() >= self._rooms_due:
            self._count_rooms()
        slots = sum(self._rooms.values())
        for _ in range(len(self._waiting)):
            if len(self._flying) >= slots + min(slots, MAX_AHEAD):
                return
            begun = [one.cell for one in self._flying.values()]
            cell = take_next(self._waiting, begun=begun, tried=self._tried, n_slots=slots)
            if cell is None:
                return
            lock = self._locked(cell.run_id)
            if lock is None:  # another command computes it: look again later
                self._waiting.append(cell)
            elif self._store.has(cell.run_id):
                lock.release()
                mean_targets = self._store.get(cell.run_id).summary.mean_targets
                self._end(None, Ended(cell, 0, 0.0, mean_targets=float(mean_targets)))
            else:
                reference = self._task.remote(self._job(cell), dict(self._known), self._ear)
                self._flying[reference] = _Flying(cell, lock)

    def _count_rooms(self) -> None:
        """Look which nodes are there, and say which are no more."""
        self._rooms_due = time.monotonic() + NODES_EVERY_S
        before, self._rooms = self._rooms, rooms(self._share)
        for name in sorted(before.keys() - self._rooms.keys()):
            self._warn(f"node {name} was lost; what ran there begins again on another one")
        if sum(before.values()) and not sum(self._rooms.values()):
            self._warn("no node has room for a run any more: waiting for one")

    def _locked(self, run_id: str) -> BaseFileLock | None:
        from filelock import FileLock, Timeout

        self._store.prepare()
        lock = FileLock(self._store.work_folder(run_id).with_name(f"{run_id}.lock"))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return None
        return lock

    def _job(self, cell: Cell) -> Job:
        assert cell.plan is not None
        request = replace(cell.request, device=cell.plan.device)
        is_file = request.benchmark.endswith(".toml")
        return Job(
            cell=replace(cell, request=request, plan=None),
            plan=cell.plan.model_dump(mode="json"),
            sweep=self._name,
            data=self._data,
            benchmark=read_bytes(Path(request.benchmark)) if is_file else None,
        )

    def listen(self) -> None:
        """Tell the watcher what cells have said, if Ray has brought it by now."""
        import ray

        if self._hearing is None:
            self._hearing = self._ear.hear.remote()
        if not ray.wait([self._hearing], timeout=0)[0]:
            return
        heard: list[tuple[str, Mapping[str, Any]]] = []
        with contextlib.suppress(ray.exceptions.RayError):  # its node was lost: it begins anew
            heard = ray.get(self._hearing)
        self._hearing = None
        flying = {one.cell.run_id: one for one in self._flying.values()}
        for run_id, message in heard:
            one = flying.get(run_id)
            if one is None:
                continue
            if one.slot is None:
                taken = {other.slot for other in flying.values()}
                one.slot = next(slot for slot in range(len(flying) + 1) if slot not in taken)
                self._watcher.begun(one.slot, one.cell)
            if message["event"] != "begun":
                self._watcher.told(one.slot, one.cell, message)

    def collect(self, timeout_s: float) -> None:
        """Take in what has come back."""
        import ray

        if not self._flying:
            time.sleep(timeout_s)  # what is left is computed by another command
            return
        done, _ = ray.wait(list(self._flying), num_returns=1, timeout=timeout_s)
        for reference in done:
            one = self._flying[reference]
            try:
                ended = self._taken_in(reference, one.cell)
            finally:
                del self._flying[reference]
                one.lock.release()
            self._tried.add(kind_of_artifacts(one.cell))
            self._end(one.slot, ended)

    def _taken_in(self, reference: Any, cell: Cell) -> Ended:
        import ray

        try:
            parcel: Parcel = ray.get(reference)
        except ray.exceptions.TaskCancelledError:
            return Ended(cell, EXIT_INTERRUPTED, 0.0, what="interrupted")
        except (
            ray.exceptions.NodeDiedError,
            ray.exceptions.WorkerCrashedError,
            ray.exceptions.ObjectLostError,
            ray.exceptions.OutOfMemoryError,
        ) as error:
            return Ended(
                cell, EXIT_RUN, 0.0, what=f"lost in the cluster: {_last_line(error)}",
                fix=f"its node was lost {MAX_RETRIES + 1} times: ray status",
            )  # fmt: skip
        except ray.exceptions.RayError as error:
            # Not what a run did, which comes in a parcel: all others would end like this, too.
            raise RunError(
                f"the cluster cannot carry out runs: {_last_line(error)}",
                fix="look with ray status, then type the same command again; what ended is kept",
                state="killed",
            ) from error
        if parcel.is_unfit:
            raise ConfigurationError(f"node {parcel.node}: {parcel.ended.what}",
                                     fix=parcel.ended.fix)  # fmt: skip
        ended = replace(parcel.ended, cell=cell)
        try:
            self._take(parcel, cell)
        except DevbenchError as error:
            ended = Ended(cell, error.exit_code, ended.seconds, what=error.what, fix=error.fix)
        if ended.code == 0:
            return ended
        return replace(ended, what=f"node {parcel.node}: {ended.what}")

    def _take(self, parcel: Parcel, cell: Cell) -> None:
        """Let artifacts, and run or failures, join the store."""
        for pair in parcel.artifacts:
            self._take_artifact(pair)
        if parcel.bundle and not self._store.has(cell.run_id):
            path = self._store.folder / "work" / f"{cell.run_id}.zip"
            try:
                publish(path, parcel.bundle, replace=True)
                if cell.run_id not in add(self._store, path).joined:
                    raise CheckError("it sent another run", fix="type the same command again")
            finally:
                path.unlink(missing_ok=True)
        if cell.plan is not None:
            for failed in parcel.failures:
                self._store.record_failure(
                    cell.plan, state=failed.state, reason=failed.reason, phase=failed.phase
                )
        if parcel.log:
            publish(self._logs / f"{cell.run_id}.txt", parcel.log, replace=True)

    def _take_artifact(self, pair: Pair) -> None:
        document, weights = unpacked(pair)
        try:
            join(self._shelf, document, weights)
        except DataError as error:  # nodes that differ learn other tensors; records name theirs
            self._warn(f"two nodes learned one artifact; the first is shared: {error.what}")
        self._share_artifact(document.key)

    def _share_artifact(self, key: str) -> None:
        import ray

        if key not in self._known:
            self._known[key] = ray.put(packed(self._shelf, key))

    def _end(self, slot: int | None, ended: Ended) -> None:
        self.found.append(ended)
        self._keep(ended)
        self._watcher.ended(-1 if slot is None else slot, ended)

    def stop(self) -> None:
        """Interrupt what runs, wait until it has ended, and keep what ended well meanwhile."""
        import ray

        flying, self._flying = self._flying, {}
        try:
            for reference in flying:
                ray.cancel(reference)
            if flying:
                ready, _ = ray.wait(list(flying), num_returns=len(flying), timeout=GRACE_S)
                for reference in ready:
                    with contextlib.suppress(DevbenchError):
                        ended = self._taken_in(reference, flying[reference].cell)
                        if ended.code == 0:
                            self._end(flying[reference].slot, ended)
        finally:
            for one in flying.values():
                one.lock.release()


def take_next(
    waiting: list[Cell], *, begun: Sequence[Cell], tried: Set[object], n_slots: int
) -> Cell | None:
    """Take the first cell of a kind that ended once, or that nobody tries yet; else the first.

    The first cell of a kind may learn an artifact for all of them: until it has come back the
    others are taken only where a slot would stand idle, and None is returned where none would.
    """
    kinds = {kind_of_artifacts(cell) for cell in begun}
    for number, cell in enumerate(waiting):
        if kind_of_artifacts(cell) in tried or kind_of_artifacts(cell) not in kinds:
            return waiting.pop(number)
    return waiting.pop(0) if len(begun) < n_slots else None


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:500] if lines else repr(error)


def kind_of_artifacts(cell: Cell) -> object:
    """Return what cells have in common that may share an artifact."""
    return (*cell.kind, cell.request.fold)
