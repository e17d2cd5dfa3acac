"""Shared by all tests; its place makes `helpers` importable from every test folder."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def _no_observers() -> None:
    """Keep runs of the tests out of MLflow; the tests of observers name theirs."""
    import os

    os.environ.setdefault("DEVBENCH_OBSERVERS", "none")


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder with the tiny corpus, shared by all tests of this process: read only."""
    from helpers.corpus import make_corpus

    folder = tmp_path_factory.mktemp("data")
    make_corpus(folder / "tiny")
    return folder
