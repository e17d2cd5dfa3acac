"""Sweeps whose runs are made, not computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from devbench.results.record import Record
from devbench.results.store import Store
from devbench.sweeping.asked import note_asked
from devbench.sweeping.grid import Grid
from devbench.sweeping.sweep import Sweep


def make_sweep(store: Store, records: Sequence[Record], **changes: Any) -> Sweep:
    """Return a sweep, as begun in a store, whose cells are the runs of these records."""
    fields: dict[str, Any] = {
        "benchmark": "sim7",
        "methods": ["freq-mixstyle"],
        "sources": ["iphone14"],
        "seeds": [record.plan.seed for record in records],
        "folds": [0],
        "backbones": [None],
        "frontends": [None],
        "budget": "quick",
        "settings": {"": ["alpha=0.3"]},
        "threads": 1,
    }
    sweep = Sweep(Grid(**fields | changes), store)
    sweep.save()
    note_asked(sweep, benchmark="sim7", run_ids=[record.run_id for record in records])
    return sweep
