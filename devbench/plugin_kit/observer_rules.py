"""What an observer is held against: its hooks are called with the values of a small sweep."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from devbench.contract.hookspecs import OBSERVER_HOOKS
from devbench.plugin_kit.example_run import EPOCH, example_record, example_sweep
from devbench.plugin_kit.probing import Broken, Probe


def look(probe: Probe) -> None:
    """Look at every rule of observers."""
    managers: list[Any] = []
    if probe.part("looking at its hooks", lambda: managers.append(_manager(probe)), "R08"):
        probe.passed("R70")
        probe.part("telling it of a run and a sweep", lambda: _tell(probe, managers[0]), "R71")


def _manager(probe: Probe) -> Any:
    import pluggy

    from devbench.contract import hookspecs

    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(probe.module)
        manager.check_pending()
    except Exception as error:
        raise Broken("R70", f"{type(error).__name__}: {error}") from error
    offered = [hook for hook in OBSERVER_HOOKS if getattr(manager.hook, hook).get_hookimpls()]
    probe.require(offered, "R70", f"it has none of {', '.join(OBSERVER_HOOKS)}")
    return manager


def _tell(probe: Probe, manager: Any) -> None:
    """Call each hook as a run or a sweep does, with copies, and compare them afterwards."""
    store = Path("store")
    store.mkdir(exist_ok=True)
    record = example_record()
    calls = {
        "devbench_run_started": {"plan": record["plan"]},
        "devbench_epoch_finished": {"plan": record["plan"], "epoch": EPOCH},
        "devbench_run_finished": {"record": record, "store": str(store.resolve())},
        "devbench_sweep_finished": {
            "sweep": example_sweep(record),
            "store": str(store.resolve()),
        },
    }
    for hook, values in calls.items():
        told = copy.deepcopy(values)
        getattr(manager.hook, hook)(**told)
        probe.require(told == values, "R71", f"{hook} changed what it was told")
