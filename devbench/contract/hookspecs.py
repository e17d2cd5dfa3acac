"""The hooks: they describe and observe; behaviour lives in small typed classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pluggy

from devbench.contract.method import MethodSpec
from devbench.contract.parts import BackboneSpec, CorpusSpec, FrontendSpec

PROJECT = "devbench"
SPECS: Mapping[str, type[Any]] = {
    "method": MethodSpec,
    "backbone": BackboneSpec,
    "frontend": FrontendSpec,
    "corpus": CorpusSpec,
}
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec(firstresult=True)
def devbench_method() -> MethodSpec:  # type: ignore[empty-body]
    """Return the method; called when its name is asked for, in a manager with only this plugin."""


@hookspec(firstresult=True)
def devbench_backbone() -> BackboneSpec:  # type: ignore[empty-body]
    """Return the backbone; called when its name is asked for."""


@hookspec(firstresult=True)
def devbench_frontend() -> FrontendSpec:  # type: ignore[empty-body]
    """Return the front end; called when its name is asked for."""


@hookspec(firstresult=True)
def devbench_corpus() -> CorpusSpec:  # type: ignore[empty-body]
    """Return the corpus; called when its name is asked for and no folder of it exists yet."""


@hookspec
def devbench_run_started(plan: Mapping[str, Any]) -> None:
    """Observe a run; called after validation and before fit, with the plan of the record."""


@hookspec
def devbench_epoch_finished(plan: Mapping[str, Any], epoch: Mapping[str, Any]) -> None:
    """Observe an epoch; source numbers only: epoch, loss, val_loss, val_macro_f1, seconds."""


@hookspec
def devbench_run_finished(record: Mapping[str, Any], store: str) -> None:
    """Observe a finished run; called after the record is on disk in the store folder."""


@hookspec
def devbench_sweep_finished(sweep: Mapping[str, Any], store: str) -> None:
    """Observe a sweep that ended: sweep_id, benchmark, grid, and cells: run_id to state."""


OBSERVER_HOOKS = tuple(
    hook.__name__
    for hook in (
        devbench_run_started,
        devbench_epoch_finished,
        devbench_run_finished,
        devbench_sweep_finished,
    )
)
"""Names of the hooks of an observer; each of them is enough to be one."""
