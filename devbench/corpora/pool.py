"""Work on many sound files in processes; results come in the order of the items."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from devbench import errors
from devbench.errors import DataError, DevbenchError

Item = TypeVar("Item")
Result = TypeVar("Result")
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class _Refusal:
    """A DevbenchError on its way between processes."""

    kind: str
    what: str
    fix: str


def no_progress(done: int, total: int) -> None:
    """Say nothing."""


def default_jobs() -> int:
    """Return how many processes this machine lets us run at once."""
    return len(os.sched_getaffinity(0))


def in_processes(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    jobs: int,
    progress: Progress = no_progress,
) -> Iterator[Result]:
    """Yield function(item) for every item, in their order, whatever the number of processes.

    function and items must pickle between our own processes. With one job nothing is started.
    Raises what function raised; DataError when a process died (a decoder may crash on a file).
    """
    total = len(items)
    progress(0, total)
    if jobs <= 1 or total < 2:
        for done, item in enumerate(items, 1):
            yield function(item)
            progress(done, total)
        return
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    # spawn: no inherited state, so that a result cannot depend on what ran before it.
    pool = ProcessPoolExecutor(
        min(jobs, total), mp_context=get_context("spawn"), initializer=_end_with_parent
    )
    try:
        chunk = max(1, min(4, total // (4 * jobs)))  # small: progress and Ctrl-C come soon
        results = pool.map(partial(_guarded, function), items, chunksize=chunk)
        for done, result in enumerate(results, 1):
            if isinstance(result, _Refusal):
                raise _raised(result)
            yield result
            progress(done, total)
    except BrokenProcessPool as error:
        raise DataError(
            "a process died while it read sound files",
            fix="free some memory, or find the damaged file with --jobs 1",
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _end_with_parent() -> None:
    """Let a worker end when the command was killed; nobody else would end it."""
    import threading
    from multiprocessing import parent_process

    parent = parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _guarded(function: Callable[[Item], Result], item: Item) -> Result | _Refusal:
    try:
        return function(item)
    except DevbenchError as error:  # its keyword-only fix does not pickle
        return _Refusal(type(error).__name__, error.what, error.fix)


def _raised(refusal: _Refusal) -> DevbenchError:
    kind = getattr(errors, refusal.kind, DataError)
    made = kind(refusal.what, fix=refusal.fix)
    assert isinstance(made, DevbenchError)
    return made
