"""Campaign: many runs started at once on one fresh store: as many records and MLflow runs.

python tests/campaigns/many_at_once.py [--runs 16]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from devbench.plugin_kit.tiny import make_benchmark, make_corpus
from devbench.results.store import Store


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=16)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="devbench-campaign-") as name:
        folder = Path(name)
        make_corpus(folder / "data" / "tiny")
        benchmark = make_benchmark(folder / "tiny.toml", wall_s="600.0")
        store = folder / "store"
        started = time.monotonic()
        env = {**os.environ, "DEVBENCH_OBSERVERS": "mlflow"}
        env.pop("MLFLOW_TRACKING_URI", None)
        children = [
            subprocess.Popen(
                [sys.executable, "-m", "devbench", "run", "--method", "freq-mixstyle", "--source",
                 "phone", "--benchmark", str(benchmark), "--data", str(folder / "data"),
                 "--store", str(store), "--threads", "1", "--device", "cpu", "--seed", str(seed)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=env,
            )
            for seed in range(given.runs)
        ]  # fmt: skip
        heard = [child.communicate()[1].decode() for child in children]
        wall_s = time.monotonic() - started
        warnings = [line for text in heard for line in text.splitlines() if "warning" in line]
        records = Store(store).run_ids()
        entries = Store(store).ledger.verify()
        mirrored = mlflow_runs(store)
    codes = [child.returncode for child in children]
    print(
        f"{given.runs} runs at once: {len(records)} records, {len(mirrored)} MLflow runs, "
        f"{len(entries)} ledger entries, {sum(map(bool, codes))} failed, {len(warnings)} warnings, "
        f"{wall_s:.0f} s"
    )
    for line in warnings[:5]:
        print(line)
    is_good = len(records) == len(entries) == given.runs and set(records) == mirrored
    return 0 if is_good and not any(codes) else 1


def mlflow_runs(store: Path) -> set[str]:
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{store / 'mlflow.db'}")
    runs = mlflow.search_runs(search_all_experiments=True, output_format="list")
    assert len(runs) == len({run.data.tags["devbench.run_id"] for run in runs}), "a run is doubled"
    return {run.data.tags["devbench.run_id"] for run in runs}


if __name__ == "__main__":
    sys.exit(main())
