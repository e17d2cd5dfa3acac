"""Which rows of a table are ranked, in which order, and why the others are not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from devbench.results.tables import Row, Runs


def status_of(
    runs: Runs,
    row: Row,
    *,
    sources: Sequence[str],
    n_folds: int,
    ranked_seeds: int,
    ranked_level: int,
) -> str:
    """Return 'ranked', or the first reason why the row is not."""
    plans = [record.plan for record in runs.records]
    folds = len({plan.fold for plan in plans})
    first = (plans or runs.failed)[0]
    reasons = {
        "failed": not plans,
        "file": first.method.is_file,
        "open options": bool(first.method.opened or first.frontend.opened),
        "no isolation": any(plan.isolation == "none" for plan in plans),
        f"incomplete ({row.n_sources}/{len(sources)} sources)": row.n_sources < len(sources),
        "claimed": row.level is not None and row.level < ranked_level,
        f"preliminary ({folds}/{n_folds} folds)": folds < n_folds,
        f"preliminary ({row.n_seeds}/{ranked_seeds} seeds)": row.n_seeds < ranked_seeds,
    }
    return next((reason for reason, holds in reasons.items() if holds), "ranked")


def ranked(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Return rows best first, ranked where their status says so; equal means share a rank."""
    ordered = sorted(
        rows,
        key=lambda r: (
            r.mean_targets is None,
            -(r.mean_targets or 0.0),
            r.method,
            r.options,
            r.code_sha256,
        ),
    )
    means = [row.mean_targets for row in ordered if row.status == "ranked"]
    return tuple(
        replace(row, rank=means.index(row.mean_targets) + 1) if row.status == "ranked" else row
        for row in ordered
    )
