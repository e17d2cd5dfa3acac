"""Which runs a report is about: one by its digits, or those of a method on one block."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from devbench.contract.names import require_known
from devbench.errors import UnknownNameError, UsageError
from devbench.results.comparison import comparable
from devbench.results.record import Record
from devbench.results.siblings import sibling
from devbench.results.tables import Cell, block_key, cell_of

if TYPE_CHECKING:
    from devbench.results.store import Store

LEAST_DIGITS = 4
Warn = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for. name: first digits of a run, or a method; the rest is for methods."""

    name: str
    benchmark: str | None = None
    budget: str | None = None
    backbone: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """The runs of a report, a record per source, seed and fold, in that order.

    baseline, ideal: runs of these methods that differ in nothing else, by cell. is_one: a run was
    named, not a method. notes: what was left out.
    """

    records: tuple[Record, ...]
    baseline: Mapping[Cell, Record]
    ideal: Mapping[Cell, Record]
    is_one: bool
    notes: tuple[str, ...] = ()

    @property
    def first(self) -> Record:
        """Return a record that stands for what all have in common."""
        return self.records[0]


def choose(store: Store, wanted: Wanted, *, warn: Warn) -> Chosen:
    """Return the runs that were asked for.

    Without options a method's runs are those of the block of its newest run. Raises
    UnknownNameError for a name that is neither, UsageError for options beside a run.
    """
    held = list(store.records(warn))
    methods = sorted({record.plan.method.name for record in held})
    if wanted.name in methods:
        records, notes = _of_method(held, wanted)
        return _with_bounds(records, held, is_one=False, notes=notes)
    if len(wanted.name) >= LEAST_DIGITS and set(wanted.name) <= set("0123456789abcdef"):
        found = store.find(wanted.name)
        _refuse_options(wanted, found)
        return _with_bounds([found], held, is_one=True, notes=[])
    require_known("run or method with runs", wanted.name, methods, list_command="devbench ls runs")
    raise AssertionError("require_known lets only known names pass")


def _refuse_options(wanted: Wanted, found: Record) -> None:
    plan = found.plan
    own = {
        "benchmark": plan.benchmark.id,  # its file may be asked for, where devbench has none
        "budget": plan.budget,
        "backbone": plan.backbone.name,
        "source": plan.source,
    }
    for option, value in own.items():
        if getattr(wanted, option) not in (None, value):
            raise UsageError(
                f"--{option} chooses among the runs of a method; {wanted.name!r} is a run with "
                f"{value!r}",
                fix="leave it out, or name the method",
            )


def _of_method(held: Sequence[Record], wanted: Wanted) -> tuple[list[Record], list[str]]:
    own = [
        record
        for record in held
        if record.plan.method.name == wanted.name
        and wanted.benchmark in (None, record.plan.benchmark.id)
        and wanted.budget in (None, record.plan.budget)
        and wanted.backbone in (None, record.plan.backbone.name)
        and not (record.plan.method.opened or record.plan.frontend.opened)
        and not record.plan.method.is_file
    ]
    if not own:
        raise UnknownNameError(
            f"no run of {wanted.name!r} with default options on that benchmark, budget, backbone",
            fix="devbench ls runs shows all; name one by its first digits",
        )
    newest = max(own, key=lambda r: (str(r.measured.get("started_at", "")), r.run_id))
    key = block_key(newest.plan)
    found, notes = comparable(
        held,
        [wanted.name],
        benchmark_sha256=key.benchmark_sha256,
        budget=key.budget,
        backbone=key.backbone,
    )
    by_cell = found[wanted.name]
    if wanted.source is not None:
        require_known(
            f"source with a run of {wanted.name!r}",
            wanted.source,
            sorted({cell.source for cell in by_cell}),
            list_command="devbench ls runs",
        )
    of_source = [by_cell[c] for c in sorted(by_cell) if wanted.source in (None, c.source)]
    others = {
        (r.plan.benchmark.id, r.plan.budget, r.plan.backbone.name)
        for r in own
        if block_key(r.plan) != key
    }
    notes += [
        f"its runs on {benchmark}, budget {budget}, backbone {backbone} are not in this report"
        for benchmark, budget, backbone in sorted(others)
    ]
    return of_source, notes


def _with_bounds(
    records: Sequence[Record], held: Iterable[Record], *, is_one: bool, notes: Sequence[str]
) -> Chosen:
    bounds: dict[str, dict[Cell, Record]] = {"baseline": {}, "ideal": {}}
    for name, found in bounds.items():
        candidates = [record for record in held if record.plan.method.name == name]
        for record in records:
            other = sibling(record, candidates, name)
            if other is not None:
                found[cell_of(record)] = other
    return Chosen(tuple(records), bounds["baseline"], bounds["ideal"], is_one, tuple(notes))
