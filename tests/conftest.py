"""Shared by all tests; its place makes `helpers` importable from every test folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from helpers.runs import World

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


@pytest.fixture(scope="session")
def half_tested(tmp_path_factory: pytest.TempPathFactory, tiny_data: Path) -> World:
    """Return a world whose benchmark tests half of the 30 events, for all that explain runs.

    Runs are added to its store as tests ask for them, each once; nothing else may change.
    """
    from helpers.runs import World

    return World.make(
        tmp_path_factory.mktemp("half-tested"), tiny_data,
        convert="0.1", train="0.3", val="0.1", test="0.5", epochs="1",
    )  # fmt: skip


@pytest.fixture
def without_workers() -> Iterator[None]:
    """Let tasks run in the process of the test."""
    from helpers import in_process

    with in_process.without_workers():
        yield


@pytest.fixture(scope="module")
def module_without_workers() -> Iterator[None]:
    """Let tasks run in the process of the test, also those that fixtures of the module start."""
    from helpers import in_process

    with in_process.without_workers():
        yield


@pytest.fixture
def with_workers() -> Iterator[None]:
    """Let tasks be processes in one test of a module that does without."""
    from helpers import in_process

    with in_process.with_workers():
        yield
