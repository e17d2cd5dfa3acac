"""Shared by all tests; its place makes `helpers` importable from every test folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Set before torch is loaded. Tensors are tiny here and pytest-xdist fills the cores: threads that
# wait for each other made two hundred small steps take five minutes on a busy machine.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ.setdefault("DEVBENCH_OBSERVERS", "none")
"""Runs of the tests stay out of MLflow; the tests of observers name theirs."""


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder with the tiny corpus, shared by all tests of this process: read only."""
    from devbench.plugin_kit.tiny import make_corpus

    folder = tmp_path_factory.mktemp("data")
    make_corpus(folder / "tiny")
    return folder
