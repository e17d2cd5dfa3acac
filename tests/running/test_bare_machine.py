"""A run needs none of the packages that only tracking, building and plots use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from devbench.plugin_kit.tiny import make_benchmark
from devbench.results.store import Store

ABSENT = ("mlflow", "librosa", "soxr", "pandas", "sklearn", "scipy", "plotly", "matplotlib")


def test_a_run_without_them_ends_with_a_record_and_one_warning(
    tiny_data: Path, tmp_path: Path
) -> None:
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    for name in ABSENT:
        (blocked / f"{name}.py").write_text(f"raise ImportError('{name} is not installed')\n")
    benchmark = make_benchmark(tmp_path / "tiny.toml")
    env = {k: v for k, v in os.environ.items() if k != "DEVBENCH_OBSERVERS"}
    done = subprocess.run(
        [sys.executable, "-m", "devbench", "run", "--method", "spectrum-match", "--source", "phone",
         "--benchmark", str(benchmark), "--data", str(tiny_data),
         "--store", str(tmp_path / "store"), "--threads", "1", "--device", "cpu"],
        env={**env, "PYTHONPATH": str(blocked)},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    warnings = [line for line in done.stderr.splitlines() if line.startswith("warning")]
    assert len(warnings) == 1
    assert "mlflow" in warnings[0]
    assert len(Store(tmp_path / "store").run_ids()) == 1
