"""What MLflow shows of a sweep: one parent run, named after it, over the runs of its cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import devbench
from devbench.files import canonical_json, sha256_bytes
from devbench.sweeping.asked import Family
from devbench.tracking.content import (
    EXPERIMENT_PREFIX,
    SWEEP_ID_TAG,
    Content,
    clean,
    key,
    times_ms,
)


def begun_sweep(family: Family) -> Content:
    """Return the parent run of a sweep whose cells are still running: its grid, no counts."""
    start_ms, _ = times_ms({"started_at": family.begun_at_utc})
    return Content(
        run_id=family.sweep_id,
        digest="",
        experiment=EXPERIMENT_PREFIX + family.benchmark,
        name=f"sweep {family.sweep_id}",
        status="RUNNING",
        start_ms=start_ms,
        end_ms=start_ms,
        params=_params(family),
        tags={
            SWEEP_ID_TAG: family.sweep_id,
            "devbench.version": devbench.__version__,
            "mlflow.source.name": "devbench sweep",
            "mlflow.source.type": "LOCAL",
        },
        id_tag=SWEEP_ID_TAG,
    )


def content_of_sweep(family: Family, contents: Mapping[str, Content]) -> Content:
    """Return the parent run with the counts of done and failed cells.

    contents: the MLflow runs of its cells by run_id, as far as there are any; the last of them
    ends it. It has ended when nothing is left to do, and failed when a cell did.
    """
    count = Counter(family.states().values())
    begun = begun_sweep(family)
    tags = begun.tags | {
        "devbench.cells": str(count.total()),
        "devbench.done": str(count["done"]),
        "devbench.failed": str(count["failed"]),
        "devbench.to_do": str(count["to do"]),
    }
    status = "RUNNING" if count["to do"] else "FAILED" if count["failed"] else "FINISHED"
    ends_ms = [contents[run_id].end_ms for run_id in family.run_ids if run_id in contents]
    end_ms = max([begun.start_ms, *ends_ms])
    shown = {"params": begun.params, "tags": tags, "status": status, "end_ms": end_ms}
    digest = sha256_bytes(canonical_json(shown))
    return replace(begun, digest=digest, status=status, end_ms=end_ms, tags=tags)


def _params(family: Family) -> dict[str, str]:
    """Return the grid, flat. MLflow never changes a parameter, and neither does a sweep_id."""
    grid = family.sweep.grid
    values = {
        "benchmark": family.benchmark,
        "budget": grid.budget,
        "methods": " ".join(grid.methods),
        "sources": " ".join(grid.sources),
        "seeds": " ".join(map(str, grid.seeds)),
        "folds": " ".join(map(str, grid.folds)),
        "backbones": " ".join(name or "(of the budget)" for name in grid.backbones),
        "frontends": " ".join(name or "(of the benchmark)" for name in grid.frontends),
        "device": grid.device,
        "threads": str(grid.threads),
        "isolation": grid.isolation,
    }
    values |= {key("set", owner or "every method"): " ".join(texts)
               for owner, texts in grid.settings.items()}  # fmt: skip
    return {name: clean(value) for name, value in values.items()}
