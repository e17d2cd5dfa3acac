"""Campaign: many runs started at once on one fresh store: as many records and MLflow runs.

    python tests/campaigns/many_at_once.py [--runs 16]
    python tests/campaigns/many_at_once.py --runs 64 --jobs 8    # as `devbench sweep --jobs 8`

With --jobs the runs are the cells of one sweep, and every MLflow run must be a child of its parent.
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
    parser.add_argument("--jobs", type=int, default=0, help="of a sweep; 0: `devbench run` each")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="devbench-campaign-") as name:
        folder = Path(name)
        make_corpus(folder / "data" / "tiny")
        benchmark = make_benchmark(folder / "tiny.toml", wall_s="600.0")
        store = folder / "store"
        started = time.monotonic()
        env = {**os.environ, "DEVBENCH_OBSERVERS": "mlflow"}
        env.pop("MLFLOW_TRACKING_URI", None)
        where = ["--benchmark", str(benchmark), "--data", str(folder / "data"), "--store",
                 str(store), "--threads", "1", "--device", "cpu"]  # fmt: skip
        if given.jobs:
            commands = [["sweep", "--methods", "freq-mixstyle", "--sources", "phone", *where,
                         "--seeds", f"0-{given.runs - 1}", "--jobs", str(given.jobs)]]  # fmt: skip
        else:
            commands = [["run", "--method", "freq-mixstyle", "--source", "phone", *where,
                         "--seed", str(seed)] for seed in range(given.runs)]  # fmt: skip
        children = [
            subprocess.Popen(
                [sys.executable, "-m", "devbench", *words],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=env,
            )
            for words in commands
        ]
        heard = [child.communicate()[1].decode() for child in children]
        wall_s = time.monotonic() - started
        warnings = [line for text in heard for line in text.splitlines() if "warning" in line]
        records = Store(store).run_ids()
        entries = Store(store).ledger.verify()
        mirrored, n_parents, n_children = mlflow_runs(store)
    codes = [child.returncode for child in children]
    print(
        f"{given.runs} runs{f', {given.jobs} jobs' if given.jobs else ' at once'}: "
        f"{len(records)} records, {len(mirrored)} MLflow runs, {n_children} of them children of "
        f"{n_parents} parent runs, "
        f"{len(entries)} ledger entries, {sum(map(bool, codes))} failed, {len(warnings)} warnings, "
        f"{wall_s:.0f} s"
    )
    for line in warnings[:5]:
        print(line)
    is_good = len(records) == len(entries) == given.runs and set(records) == mirrored
    has_family = (n_parents, n_children) == ((1, given.runs) if given.jobs else (0, 0))
    return 0 if is_good and has_family and not any(codes) else 1


def mlflow_runs(store: Path) -> tuple[set[str], int, int]:
    """Return the run_ids, the number of parent runs, and of runs that are a child of one."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{store / 'mlflow.db'}")
    found = mlflow.search_runs(search_all_experiments=True, output_format="list")
    parents = {run.info.run_id for run in found if "devbench.sweep_id" in run.data.tags}
    runs = [run for run in found if run.info.run_id not in parents]
    run_ids = {run.data.tags["devbench.run_id"] for run in runs}
    assert len(runs) == len(run_ids), "a run is doubled"
    children = [run for run in runs if run.data.tags.get("mlflow.parentRunId") in parents]
    return run_ids, len(parents), len(children)


if __name__ == "__main__":
    sys.exit(main())
