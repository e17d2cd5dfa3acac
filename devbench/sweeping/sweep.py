"""A sweep in a store: its grid, and what is known of cells that failed.

sweeps/<sweep_id>/grid.json            what was asked for
sweeps/<sweep_id>/asked/<n>.json       which runs that were (asked.py)
sweeps/<sweep_id>/failed/<run_id>.json how a cell failed, until it ends well
sweeps/<sweep_id>/logs/<run_id>.txt    what a failed cell wrote on standard error

What is done stands in the store's records alone: a cell that another command ran is done, too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from devbench.errors import EXIT_INTERRUPTED, DataError, UnknownNameError
from devbench.files import parse_json, pretty_json, publish, read_bytes
from devbench.models import validated
from devbench.results.record import Strict
from devbench.results.store import Store
from devbench.sweeping.grid import Grid

if TYPE_CHECKING:
    from devbench.sweeping.local import Ended

State = Literal["done", "failed", "to do"]


class FailedCell(Strict):
    """How a cell failed: what the command line would have said, and its exit code."""

    run_id: str
    code: int
    what: str
    fix: str


@dataclass(frozen=True, slots=True)
class Sweep:
    """A grid and the store that its runs go to."""

    grid: Grid
    store: Store

    @property
    def folder(self) -> Path:
        """Return where the sweep is kept."""
        return self.store.folder / "sweeps" / self.grid.sweep_id

    def save(self) -> None:
        """Keep the grid, so that `devbench sweep status` finds it."""
        self.store.prepare()
        (self.folder / "failed").mkdir(mode=0o700, parents=True, exist_ok=True)
        publish(self.folder / "grid.json", pretty_json(self.grid.model_dump(mode="json")))

    def keep(self, ended: Ended) -> None:
        """Write down that a cell failed, or that it no longer does; an interruption is neither."""
        path = self.folder / "failed" / f"{ended.cell.run_id}.json"
        if ended.code == 0:
            path.unlink(missing_ok=True)
        elif ended.code != EXIT_INTERRUPTED:
            failed = FailedCell(
                run_id=ended.cell.run_id, code=ended.code, what=ended.what[:2000],
                fix=ended.fix[:2000],
            )  # fmt: skip
            publish(path, pretty_json(failed.model_dump(mode="json")), replace=True)

    def failed(self) -> dict[str, FailedCell]:
        """Return the cells that failed when they were last tried, by run_id.

        What cannot be read, or was taken away meanwhile, is left out: that cell is to do again.
        """
        found = {}
        for path in sorted((self.folder / "failed").glob("*.json")):
            with contextlib.suppress(DataError):
                document = parse_json(read_bytes(path), origin=str(path))
                cell = validated(FailedCell, document, origin=str(path), error_type=DataError)
                found[cell.run_id] = cell
        return found

    def states(self, run_ids: Iterable[str]) -> dict[str, State]:
        """Return how each cell stands, by run_id."""
        done, failed = set(self.store.run_ids()), self.failed()

        def state(run_id: str) -> State:
            if run_id in done:
                return "done"
            return "failed" if run_id in failed else "to do"

        return {run_id: state(run_id) for run_id in run_ids}


def saved_sweeps(store: Store) -> Iterator[Sweep]:
    """Yield the sweeps of a store; those of another version are skipped."""
    for path in sorted((store.folder / "sweeps").glob("*/grid.json")):
        with contextlib.suppress(DataError):
            document = parse_json(read_bytes(path), origin=str(path))
            grid = validated(Grid, document, origin=str(path), error_type=DataError)
            yield Sweep(grid, store)


def find_sweep(store: Store, prefix: str) -> Sweep:
    """Return the one sweep whose id starts with prefix."""
    found = [sweep for sweep in saved_sweeps(store) if sweep.grid.sweep_id.startswith(prefix)]
    if len(found) != 1:
        number = "no sweep starts" if not found else f"{len(found)} sweeps start"
        raise UnknownNameError(f"{number} with {prefix[:80]!r}", fix="devbench sweep status")
    return found[0]
