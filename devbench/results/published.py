"""Results as published, on data that is not public: shown beside own results, never ranked.

The facts lie in data/published.csv (table, method, source, target, f1, access, reference); every
mean is computed here, by the same definitions as for own records.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources

from devbench.contract.access import TRACKS
from devbench.results.metrics import device_interval, mean

TITLE = "As published, other data"
FOOTNOTES = (
    "Measured by the authors on the Deeply Device Dataset, which is not public: compare these rows "
    "with one another, not with rows measured here. Means are of the printed cells, so a last "
    "digit may differ from the printed mean.",
    "mean_targets is over the six targets, mean_all over all seven devices. The printed 0.933 of "
    "Unified MC is a seven-device mean, the printed 0.907 of MC-200 (mc-200) a six-target mean; "
    "like for like, over six targets, Unified MC is at 0.926.",
    "The row of umc-synth in table 2 of arXiv:2410.18322 repeats the numbers of UMC-real of table "
    "1(a); its own row in table 1(b) differs. Over all 42 cells UMC-real is at 0.889 and "
    "umc-synth at 0.869.",
    "± devices is the papers': t(0.975, n-1) · population SD / √n over the target devices of ONE "
    "run. It says how much devices differ, not how much a repetition would.",
    "The papers call the same numbers weighted F1 (2401.06913) and macro F1 (2410.18322).",
)


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """One row of a published table. source: a device, or 'all n' for the mean over n sources.

    worst_cell: the source>target cell of worst_target. plus_minus: the papers', over targets.
    """

    track: str
    table: str
    method: str
    source: str
    mean_targets: float
    mean_all: float | None
    plus_minus: float | None
    worst_target: float
    worst_cell: str
    source_score: float | None
    n_targets: int
    reference: str


@dataclass(frozen=True, slots=True)
class Fact:
    """One cell of a published table."""

    table: str
    method: str
    source: str
    target: str
    f1: float
    access: str
    reference: str


def published_facts() -> list[Fact]:
    """Return every published cell, in the order of the file."""
    text = resources.files("devbench.results").joinpath("data/published.csv").read_text("utf-8")
    return [
        Fact(**{**row, "f1": float(row["f1"])})  # type: ignore[arg-type]
        for row in csv.DictReader(io.StringIO(text))
    ]


def published_rows(facts: Iterable[Fact] | None = None) -> list[PublishedRow]:
    """Return one row per table, method and source, and one over all sources of a grid.

    Sorted by track, then best mean_targets first.
    """
    groups: dict[tuple[str, str, str], list[Fact]] = {}
    grids: dict[tuple[str, str], list[Fact]] = {}
    for fact in published_facts() if facts is None else facts:
        groups.setdefault((fact.table, fact.method, fact.source), []).append(fact)
        grids.setdefault((fact.table, fact.method), []).append(fact)
    rows = [_row(group, name=group[0].source) for group in groups.values()]
    for grid in grids.values():
        n_sources = len({fact.source for fact in grid})
        if n_sources > 1:
            rows.append(_row(grid, name=f"all {n_sources}"))
    return sorted(
        rows,
        key=lambda r: (TRACKS.index(r.track), -r.mean_targets, r.method, r.table, r.source),
    )


def _row(cells: list[Fact], *, name: str) -> PublishedRow:
    targets = [cell for cell in cells if cell.target != cell.source]
    own = [cell.f1 for cell in cells if cell.target == cell.source]
    worst = min(targets, key=lambda cell: cell.f1)
    values = [cell.f1 for cell in targets]
    one_run = len({cell.source for cell in cells}) == 1
    return PublishedRow(
        track=cells[0].access,
        table=cells[0].table,
        method=cells[0].method,
        source=name,
        mean_targets=mean(values),
        mean_all=mean(own + values) if own else None,
        plus_minus=device_interval(values) if one_run else None,
        worst_target=worst.f1,
        worst_cell=f"{worst.source}>{worst.target}",
        source_score=mean(own) if own else None,
        n_targets=len(values),
        reference=cells[0].reference,
    )
