"""The command line, called in the process of the tests."""

from __future__ import annotations

import pytest

from helpers.commands import Command, calling


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Return a function that runs the command line in this process."""
    return calling(capsys)
