"""Observers under check: each hook that is served makes one, and is called with copies."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any

import pytest

from devbench import hookimpl
from devbench.contract import hookspecs
from devbench.contract.hookspecs import OBSERVER_HOOKS
from devbench.plugin_kit.example_run import example_record, example_sweep
from devbench.plugin_kit.observer_rules import look
from devbench.plugin_kit.target import targets_of
from devbench.sweeping.grid import Grid
from helpers.probed import states_of


def broken_by(hook: str, implementation: Any) -> set[str]:
    """Return the rules that an observer with this one hook breaks."""
    implementation.__name__ = hook
    module = types.SimpleNamespace(**{hook: hookimpl(implementation)})
    states = states_of("observer", look, module=module)
    assert states["R70"] != "passed" or "R71" in states
    return {rule for rule, state in states.items() if state != "passed"}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_every_hook_that_returns_no_spec_is_one_of_an_observer() -> None:
    offered = {name for name in vars(hookspecs) if name.startswith("devbench_")}
    assert offered - {f"devbench_{kind}" for kind in hookspecs.SPECS} == set(OBSERVER_HOOKS)


@pytest.mark.parametrize("hook", OBSERVER_HOOKS)
def test_one_hook_is_enough_and_its_file_tells_the_kind(hook: str, tmp_path: Path) -> None:
    calls = []
    assert broken_by(hook, lambda: calls.append(hook)) == set()
    assert calls == [hook]
    path = tmp_path / "listens.py"
    path.write_text(f"def {hook}(): ...\n")
    assert [ref.kind for ref in targets_of(str(path), None)] == ["observer"]


def test_an_observer_that_changes_a_sweep_is_found() -> None:
    def forgets(sweep: dict[str, Any]) -> None:
        sweep["cells"].clear()

    assert broken_by("devbench_sweep_finished", forgets) == {"R71"}


def test_a_module_without_hooks_is_no_observer() -> None:
    assert broken_by("another_name", lambda: None) == {"R70"}


def test_the_example_sweep_is_one() -> None:
    record = example_record()
    sweep = example_sweep(record)
    grid = Grid.model_validate(sweep["grid"])
    assert grid.sweep_id == sweep["sweep_id"] and grid.n_cells == len(sweep["cells"])
    assert sweep["cells"][record["run_id"]] == "done"
    assert sweep["benchmark"] == grid.benchmark
