"""Campaign: 64 runs on a Ray cluster whose nodes are killed; the bytes must be those without it.

    python tests/campaigns/many_nodes.py [--seeds 16] [--nodes 2] [--kills 3] [--seed 0]

A sweep of 2 methods x 2 sources x N seeds on a cluster of several nodes on this machine. At random
moments a node is killed and another one joins. Then: as many records and ledger entries as runs,
all verified at V1, and a sample computed again by `devbench run` and compared. Prints a summary;
exit code 1 if anything differs.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from devbench.plugin_kit.tiny import make_benchmark, make_corpus
from devbench.results.store import Store
from devbench.results.verify import Verifier
from helpers.ray_nodes import nodes

METHODS, SOURCES = ("baseline", "gain"), ("phone", "watch")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--every-s", type=float, default=60.0, help="between kills, on average")
    parser.add_argument("--sample", type=int, default=4, help="runs computed again without Ray")
    parser.add_argument("--seed", type=int, default=0, help="of the moments, not of the runs")
    given = parser.parse_args()
    rng = random.Random(given.seed)
    n_runs = len(METHODS) * len(SOURCES) * given.seeds
    with tempfile.TemporaryDirectory(prefix="devbench-campaign-") as name:
        folder = Path(name)
        make_corpus(folder / "data" / "tiny")
        make_benchmark(folder / "tiny.toml", wall_s="600.0")
        n_kills = 0
        with nodes(folder / "nodes", n_nodes=given.nodes) as cluster:
            started = time.monotonic()
            child = subprocess.Popen(
                [*command(folder, "sweep", "store"), "--methods", ",".join(METHODS), "--sources",
                 ",".join(SOURCES), "--seeds", f"0-{given.seeds - 1}", "--ray", cluster.address],
                env=environment(),
            )  # fmt: skip
            while child.poll() is None:
                try:
                    child.wait(timeout=rng.uniform(0.5, 1.5) * given.every_s)
                except subprocess.TimeoutExpired:
                    if n_kills < given.kills:
                        n_kills += 1
                        cluster.say("kill")
                        cluster.say("add")
            wall_s = time.monotonic() - started
        store = Store(folder / "store")
        found = store.run_ids()
        n_verified = sum(v.is_passed for v in Verifier(store).verify(found, level=1))
        n_entries = len(store.ledger.verify())
        sample = rng.sample(found, min(given.sample, len(found)))
        n_equal = sum(is_equal(folder, store, run_id) for run_id in sample)
    print(
        f"{n_runs} runs, {given.nodes} nodes, {n_kills} killed: {len(found)} records, {n_entries} "
        f"ledger entries, {n_verified} verified, {n_equal} of {len(sample)} equal without Ray, "
        f"exit code {child.returncode}, {wall_s:.0f} s"
    )
    is_good = {len(found), n_entries, n_verified} == {n_runs} and n_equal == len(sample)
    return 0 if is_good and child.returncode == 0 else 1


def command(folder: Path, word: str, store: str) -> list[str]:
    return [sys.executable, "-m", "devbench", word, "--benchmark", str(folder / "tiny.toml"),
            "--data", str(folder / "data"), "--store", str(folder / store), "--threads", "1",
            "--device", "cpu"]  # fmt: skip


def environment() -> dict[str, str]:
    return {**os.environ, "DEVBENCH_OBSERVERS": "none"}


def is_equal(folder: Path, store: Store, run_id: str) -> bool:
    """Compute a run again on this machine alone and compare record, logits and weights."""
    expected = store.get(run_id)
    plan = expected.plan
    subprocess.run(
        [*command(folder, "run", "alone"), "--method", plan.method.name, "--source", plan.source,
         "--seed", str(plan.seed)],
        env=environment(), capture_output=True, check=True,
    )  # fmt: skip
    alone = Store(folder / "alone")
    found, weights = alone.get(run_id), expected.models[0].weights_sha256
    return (
        found.reproducible() == expected.reproducible()
        and alone.blob("logits", found.logits_sha256)
        == store.blob("logits", expected.logits_sha256)
        and alone.blob("checkpoints", weights) == store.blob("checkpoints", weights)
    )


if __name__ == "__main__":
    sys.exit(main())
