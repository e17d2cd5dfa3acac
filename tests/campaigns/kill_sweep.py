"""Campaign: kill -9 at random moments of sweeps of 20 cells, each time the same command again.

    python tests/campaigns/kill_sweep.py [--kills 50] [--jobs 2] [--seed 0]

A sweep is killed at random moments until it ends, then another begins in a fresh store, until there
were so many kills. Every other kill takes the sweep alone, so that its cells must notice; the rest
take its cells and their workers too. At the end each store must hold the records, logits and
weights of a sweep that nobody disturbed, each verified, each written once, each in the ledger once.
Exit code 1 if any does not.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from devbench.files import canonical_json
from devbench.plugin_kit.tiny import make_benchmark, make_corpus
from devbench.results.store import Store
from devbench.results.verify import Verifier

N_CELLS = 20
LONGEST_S = 25.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0, help="of the moments, not of the runs")
    given = parser.parse_args()
    rng = random.Random(given.seed)
    n_kills = n_sweeps = n_bad = 0
    with tempfile.TemporaryDirectory(prefix="devbench-campaign-") as name:
        folder = Path(name)
        make_corpus(folder / "data" / "tiny")
        benchmark = make_benchmark(folder / "tiny.toml", epochs="12", checkpoint_epochs="2")
        started = time.monotonic()
        start(folder, benchmark, "reference", given.jobs).communicate()
        print(f"an undisturbed sweep takes {time.monotonic() - started:.0f} s", flush=True)
        expected = content(Store(folder / "reference"))
        while n_kills < given.kills:
            store = Store(folder / f"store-{n_sweeps}")
            own = 0
            written: dict[str, int] = {}
            while True:
                sweep = start(folder, benchmark, store.folder.name, given.jobs)
                limit_s = rng.uniform(0.5, LONGEST_S) if n_kills < given.kills else 3600.0
                with contextlib.suppress(subprocess.TimeoutExpired):
                    sweep.communicate(timeout=limit_s)
                if sweep.returncode is not None:
                    break
                kill(sweep.pid, with_cells=own % 2 == 1)
                sweep.communicate()
                own, n_kills = own + 1, n_kills + 1
                written = unchanged(store, written)
            unchanged(store, written)
            n_sweeps += 1
            bad = [] if sweep.returncode == 0 else [f"the last try ended with {sweep.returncode}"]
            bad += faults(store, expected)
            n_bad += bool(bad)
            print(f"sweep {n_sweeps}: {own} kills; {'; '.join(bad) or 'whole'}", flush=True)
        left = [p.pid for p in psutil.process_iter() if folder.name in words_of(p)]
    print(f"{n_kills} kills in {n_sweeps} sweeps of {N_CELLS} cells; {n_bad} sweeps not whole; "
          f"{len(left)} processes left over")  # fmt: skip
    return 1 if n_bad or left else 0


def start(folder: Path, benchmark: Path, store: str, jobs: int) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "devbench", "sweep", "--methods", "baseline,freq-mixstyle",
             "--sources", "phone,watch", "--seeds", "0-4", "--benchmark", str(benchmark),
             "--data", str(folder / "data"), "--store", str(folder / store), "--threads", "1",
             "--jobs", str(jobs), "--device", "cpu"]  # fmt: skip
    return subprocess.Popen(
        words,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "DEVBENCH_OBSERVERS": "none"},
    )


def kill(pid: int, *, with_cells: bool) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        sweep = psutil.Process(pid)
        family = sweep.children(recursive=True) if with_cells else []
        for process in (sweep, *family):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def unchanged(store: Store, written: dict[str, int]) -> dict[str, int]:
    """Return when each record was written; one that was written before must not be again."""
    now = {path.name: path.stat().st_mtime_ns for path in (store.folder / "records").glob("*.json")}
    again = [name for name, at in written.items() if now.get(name) != at]
    if again:
        raise SystemExit(f"{len(again)} records were lost or written again")
    return now


def content(store: Store) -> dict[str, tuple[bytes, bytes, bytes]]:
    """Return record (times aside), logits and weights of every run."""
    found = {}
    for run_id in store.run_ids():
        record = store.get(run_id)
        weights = store.blob("checkpoints", record.models[0].weights_sha256)
        logits = store.blob("logits", record.logits_sha256)
        found[run_id] = (canonical_json(record.reproducible()), logits, weights)
    return found


def faults(store: Store, expected: dict[str, tuple[bytes, bytes, bytes]]) -> list[str]:
    found = content(store)
    said = []
    if len(expected) != N_CELLS or found.keys() != expected.keys():
        said.append(f"{len(found)} records of {len(expected)}")
    other = [run_id for run_id in found if found[run_id] != expected.get(run_id)]
    if other:
        said.append(f"{len(other)} runs differ")
    failed = [v for v in Verifier(store).verify(store.run_ids(), level=1) if not v.is_passed]
    if failed:
        said.append(f"{len(failed)} runs do not hold: {failed[0].reason}")
    counts = Counter(entry.run_id for entry in store.ledger.verify())
    if set(counts.values()) != {1} or counts.keys() != found.keys():
        said.append("the ledger does not hold each run once")
    return said


def words_of(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


if __name__ == "__main__":
    sys.exit(main())
