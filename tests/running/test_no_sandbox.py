"""Where no sandbox can be made, nothing claims to be one."""

from __future__ import annotations

from pathlib import Path

import pytest

from devbench.cli.group import run as run_cli
from devbench.errors import ConfigurationError
from devbench.running import sandbox as sandboxing
from helpers.runs import World


def test_without_bubblewrap_nothing_claims_to_be_a_sandbox(
    tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World.make(tmp_path, tiny_data)
    monkeypatch.setattr(sandboxing, "why_not", lambda: "bwrap is not installed")
    with pytest.raises(ConfigurationError, match="no sandbox on this machine: bwrap"):
        world.plan(isolation="sandbox")
    words = ["run", "--method", "baseline", "--source", "iphone14", "--isolation", "sandbox"]
    with pytest.raises(SystemExit) as ended:
        run_cli([*words, "--store", str(world.store.folder)])
    assert ended.value.code == ConfigurationError.exit_code
