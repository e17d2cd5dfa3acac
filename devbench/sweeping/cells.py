"""The cells of a grid: planned, and looked up in the store. Nothing is computed here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from devbench.errors import DevbenchError, UnknownNameError, UsageError
from devbench.running.pipeline import Talk, plan_run
from devbench.running.plan import Planned, Request, for_cell

if TYPE_CHECKING:
    from devbench.results.record import Plan, Record
    from devbench.sweeping.grid import Grid


MAX_SECONDS = 1e12  # a record of others may say anything


@dataclass(frozen=True, slots=True)
class Cell:
    """One run of a grid. kind: see kind_of. plan: what run_id is the hash of."""

    request: Request
    run_id: str
    kind: tuple[str, ...]
    plan: Plan | None = None

    @property
    def axes(self) -> dict[str, str | int]:
        """Return where it stands in the grid, as asked for; "" is the budget's or benchmark's."""
        request = self.request
        return {
            "method": request.method,
            "backbone": request.backbone or "",
            "frontend": request.frontend or "",
            "source": request.source,
            "seed": request.seed,
            "fold": request.fold,
        }


@dataclass(frozen=True, slots=True)
class Impossible:
    """A method (with a backbone and a front end) that cannot be run here, and why."""

    method: str
    backbone: str | None
    frontend: str | None
    reason: str
    fix: str

    def __str__(self) -> str:
        return " ".join(f"{self.method}: {self.reason} ({self.fix})".split())


def plan_cells(
    grid: Grid, *, data: Path | None, store: Path, talk: Talk, is_lenient: bool
) -> tuple[list[Cell], list[Impossible]]:
    """Return the cells of a grid, and what of it cannot be run.

    Plugins describe themselves and splits are proved once for every method, backbone, front end and
    fold; sources and seeds share that. is_lenient: go on without methods that cannot be run here
    (one that needs frequency responses where the corpus has none), as where all are asked for.
    """
    planned: dict[tuple[str, str | None, str | None, int], Planned] = {}
    cells: list[Cell] = []
    impossible: list[Impossible] = []
    refused: set[tuple[str, str | None, str | None]] = set()
    talk.phase("planning")
    for number, request in enumerate(grid.requests()):
        talk.progress(number + 1, grid.n_cells)
        key = (request.method, request.backbone, request.frontend, request.fold)
        if key[:3] in refused:
            continue
        if key not in planned:
            try:
                planned[key] = plan_run(request, data=data, store=store, talk=talk)
            except DevbenchError as error:
                if not is_lenient or isinstance(error, UsageError | UnknownNameError):
                    raise
                impossible.append(Impossible(*key[:3], error.what, error.fix))
                refused.add(key[:3])
                continue
        plan = for_cell(planned[key], request).plan
        cells.append(Cell(request, plan.run_id, kind_of(plan), plan))
    return cells, impossible


def kind_of(plan: Plan) -> tuple[str, ...]:
    """Return what runs have in common that take about as long, most important first."""
    parts = (plan.backbone.name, plan.frontend.name, plan.method.name)
    return (plan.benchmark.sha256, plan.budget, *parts)


class Durations:
    """How long a cell takes: the mean of its kind, else of all runs that are known."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._of: dict[tuple[str, ...], list[float]] = {}
        for record in records:
            plan = record.plan
            times = record.measured.get("times_s")
            total_s = times.get("total") if isinstance(times, Mapping) else None
            if isinstance(total_s, int | float) and 0 <= total_s < MAX_SECONDS:
                self.add(kind_of(plan), float(total_s))

    def add(self, kind: tuple[str, ...], seconds: float) -> None:
        """Take in one run."""
        self._of.setdefault(kind, []).append(seconds)

    def estimate_s(self, cells: Iterable[Cell], n_jobs: int) -> float | None:
        """Return how long the cells take, side by side in n_jobs; None where nothing is known."""
        total_s = 0.0
        for cell in cells:
            mean_s = self._mean_s(cell.kind)
            if mean_s is None:
                return None
            total_s += mean_s
        return total_s / n_jobs

    def _mean_s(self, kind: tuple[str, ...]) -> float | None:
        """Return the mean over the same kind; else over the same all but method; else over all."""
        for length in (len(kind), len(kind) - 1, 2, 0):
            near = [
                s for other, of in self._of.items() if other[:length] == kind[:length] for s in of
            ]
            if near:
                return sum(near) / len(near)
        return None
