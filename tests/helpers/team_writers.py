"""People of a team who mirror runs at the same moment, each from a store of his own.

python -m helpers.team_writers URI FOLDER RUNS PROCESSES   (in tests/)
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from devbench.results.store import Store
from devbench.tracking.address import address_of
from devbench.tracking.content import PARENT_TAG, RUN_ID_TAG, SWEEP_ID_TAG
from devbench.tracking.mirror import mirror_at, mirror_record
from devbench.tracking.sync import mirror_sweep
from helpers.forks import import_mlflow, in_children
from helpers.records import MadeRun, make_run
from helpers.sweeps import make_sweep


def made_runs(n_runs: int) -> list[MadeRun]:
    """Return the runs that a team of any size makes: their seeds are 0, 1, 2, ..."""
    return [make_run(seed=seed) for seed in range(n_runs)]


def write_at_once(uri: str, folder: Path, n_runs: int, n_processes: int) -> None:
    """Mirror all runs, the first of them by every process, and end the sweep that they make up."""
    words = [uri, str(folder), str(n_runs), str(n_processes)]
    done = subprocess.run(
        [sys.executable, "-m", "helpers.team_writers", *words],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1],
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    runs = made_runs(n_runs)
    store = Store(folder / "whole")
    for run in runs:
        store.publish(run.record, run.logits, dict(run.weights))
    sweep = make_sweep(store, [run.record for run in runs])
    mirror_sweep(sweep.grid.sweep_id, store.folder, uri)


@dataclass(frozen=True)
class Held:
    """What a server holds. runs: how often each run_id; orphans: runs without the one parent."""

    runs: Counter[str]
    parents: int
    orphans: int
    done: str


def held_by(uri: str, folder: Path) -> Held:
    with mirror_at(address_of(folder, uri)) as mirror:
        found = list(mirror.runs(""))
    parents = [run for run in found if SWEEP_ID_TAG in run.data.tags]
    runs = [run for run in found if RUN_ID_TAG in run.data.tags]
    ids = {parent.info.run_id for parent in parents}
    return Held(
        runs=Counter(run.data.tags[RUN_ID_TAG] for run in runs),
        parents=len(parents),
        orphans=sum(run.data.tags.get(PARENT_TAG) not in ids for run in runs),
        done=" ".join(parent.data.tags.get("devbench.done", "") for parent in parents),
    )


def main(uri: str, folder: Path, n_runs: int, n_processes: int) -> int:
    records = [run.record for run in made_runs(n_runs)]
    import_mlflow()

    def work(number: int) -> None:
        store = Store(folder / f"store-{number}")
        make_sweep(store, records)
        own = {r.run_id: r for r in (records[0], *records[number::n_processes])}
        for record in own.values():
            mirror_record(record, store.folder, uri)

    return int(not in_children(partial(work, number) for number in range(n_processes)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
