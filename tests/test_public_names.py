"""The public names: complete, loaded on first use, and light."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

import devbench

SOURCE = Path(devbench.__file__)
NAMES = [name for name in devbench.__all__ if name != "__version__"]


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_is_what_its_room_defines(name: str) -> None:
    value = getattr(devbench, name)
    assert value is getattr(importlib.import_module(devbench._PUBLIC[name]), name)
    assert vars(devbench)[name] is value  # kept: the second use costs nothing
    if name != "hookimpl":
        assert value.__doc__


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(SOURCE.read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == devbench._PUBLIC


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="module 'devbench' has no attribute 'Methode'"):
        devbench.Methode  # noqa: B018
    with pytest.raises(ImportError):
        importlib.import_module("devbench.nowhere")


def loaded_after(code: str) -> set[str]:
    """Return the modules that a fresh interpreter holds after code."""
    tell = "\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code + tell], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout))


def test_importing_devbench_loads_next_to_nothing() -> None:
    loaded = loaded_after("import devbench\ndevbench.__version__\ndir(devbench)")
    assert not loaded & {"torch", "numpy", "pydantic", "click", "pluggy", "scipy", "soundfile"}
    assert {m for m in loaded if m.startswith("devbench.")} == set()


def test_what_a_method_plugin_imports_is_light() -> None:
    loaded = loaded_after(
        "from devbench import Access, Batch, Method, MethodSpec, BackboneSpec, FrontendSpec, "
        "CorpusSpec, FeatureSpec, FrequencyResponse, SideInformation, hookimpl, seed_for, shift_db"
    )
    assert not loaded & {"torch", "numpy", "pydantic", "click", "scipy", "soundfile", "mlflow"}


def test_star_import_gives_all() -> None:
    names: dict[str, object] = {}
    exec("from devbench import *", names)  # what an author may write in a notebook
    assert set(devbench.__all__) <= names.keys()
