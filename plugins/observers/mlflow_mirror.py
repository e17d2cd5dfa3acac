"""Mirrors runs and sweeps that ended into MLflow: the store's own, or $MLFLOW_TRACKING_URI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from devbench import hookimpl


@hookimpl
def devbench_run_finished(record: Mapping[str, Any], store: str) -> None:
    """Write the run; what fails here is a warning, and `devbench track sync` makes up for it."""
    from devbench import mirror_record

    mirror_record(record, store)


@hookimpl
def devbench_sweep_finished(sweep: Mapping[str, Any], store: str) -> None:
    """End the sweep's parent run with its counts, and write what of its cells is missing."""
    from devbench import mirror_sweep

    mirror_sweep(sweep["sweep_id"], store)
