"""The bounds of a run: runs of another method that differ from it in nothing else."""

from __future__ import annotations

from collections.abc import Iterable

from devbench.results.record import Record


def sibling(record: Record, records: Iterable[Record], method: str) -> Record | None:
    """Return the record of another method that differs in nothing else, with default options.

    A record of that method is its own. Of several (other threads, newer code) the one that was
    computed like the record comes first, then the newest.
    """
    if record.plan.method.name == method:
        return record
    found = [
        other
        for other in records
        if other.plan.method.name == method
        and not other.plan.method.opened
        and not other.plan.method.is_file
        and _question(other) == _question(record)
    ]
    return max(found, key=lambda other: _nearness(record, other), default=None)


def _question(record: Record) -> tuple[object, ...]:
    plan = record.plan
    return (plan.benchmark, plan.corpus.fingerprint, plan.backbone, plan.frontend, plan.source,
            plan.fold, plan.budget, plan.seed)  # fmt: skip


def _nearness(record: Record, other: Record) -> tuple[bool, str, str]:
    own, its = record.plan, other.plan
    is_alike = (own.threads, own.device, own.precision) == (its.threads, its.device, its.precision)
    return is_alike, str(other.measured.get("started_at", "")), other.run_id
