"""What pytest loads in every run where devbench is installed: one option, and nothing else.

The tests themselves come from `devbench.testing`, which an author's test imports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --devbench-full: contract tests train on a tiny corpus, too."""
    group = parser.getgroup("devbench")
    group.addoption(
        "--devbench-full",
        action="store_true",
        default=False,
        help="contract tests of devbench plugins: train on a tiny corpus, too",
    )
