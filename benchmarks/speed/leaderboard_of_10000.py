"""Time, memory and size of listings, tables and the page over 10,000 records.

    python benchmarks/speed/leaderboard_of_10000.py [--records 10000] [--rounds 3]

The records are made up, in a temporary folder: 8 backbones, 36 methods, 7 sources and 5 seeds of a
benchmark with 7 devices and 20 classes. Each command runs in a process of its own, as a user types
it. The figures are medians of the rounds, of wall and of CPU seconds (which a busy machine hardly
stretches), with the largest memory; `ls runs` fills its cache in the first round. The table and the
page read a folder of records, so that they are held against themselves (V0); V1 reads 90 kB of
logits a run on top and is not measured here.
"""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from devbench.benchmark.load import load_benchmark
from devbench.plugin_kit.made_up import made_up_plan, made_up_record
from devbench.results.metrics import score_counts
from devbench.results.record import Epoch, Record

N_BACKBONES, N_METHODS, N_SEEDS, N_EVENTS = 8, 36, 5, 8
NEEDS: tuple[list[str], ...] = (
    [],
    ["device-fr"],
    ["unpaired-target"],
    ["device-fr", "unpaired-target"],
    ["test-time"],
    ["target-labels"],
)
LIMITS_S = {"ls runs": 1.0, "table": 3.0, "page": 10.0}


def main() -> None:
    """Make the records, run each command, print a line per command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        store = Path(place) / "store"
        folder = store / "records"
        folder.mkdir(parents=True)
        (store / "cache").mkdir()
        (store / "store.json").write_text('{"schema": 1}')
        for record in itertools.islice(made_up(), given.records):
            (folder / f"{record.run_id}.json").write_bytes(record.to_json())
        board = ["leaderboard", "--records", str(folder), "--no-published"]
        commands = {
            "ls runs": ["ls", "runs", "--store", str(store)],
            "table": [*board, "--format", "md"],
            "page": [*board, "--format", "html"],
        }
        n_records = len(list(folder.iterdir()))
        print(f"{n_records} records, load {os.getloadavg()[0]:.1f} before, {_machine()}")
        for name, words in commands.items():
            runs = [_measured(words) for _ in range(given.rounds)]
            seconds, cpu_s = (statistics.median(run[n] for run in runs) for n in (0, 1))
            print(
                f"{name:8} {seconds:7.2f} s ({seconds / LIMITS_S[name]:5.2f} of the limit), "
                f"{cpu_s:6.2f} s of CPU (first round {runs[0][1]:6.2f})  "
                f"{max(run[2] for run in runs):5.0f} MB  {runs[0][3] / 1e6:6.2f} MB printed"
            )


def _measured(words: list[str]) -> tuple[float, float, float, int]:
    """Return wall and CPU seconds, peak memory in MB and bytes on stdout of one command."""
    report = (
        "import resource, sys; from devbench.cli.group import run\n"
        "try: run(sys.argv[1:])\n"
        "finally:\n"
        "    used = resource.getrusage(resource.RUSAGE_SELF)\n"
        "    print(used.ru_utime + used.ru_stime, used.ru_maxrss, file=sys.stderr)"
    )
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", report, *words], capture_output=True, check=True)
    seconds = time.perf_counter() - started
    cpu_s, peak_kb = done.stderr.split()[-2:]
    return seconds, float(cpu_s), int(peak_kb) / 1024, len(done.stdout)


def _machine() -> str:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return f"{os.cpu_count()} cores, {model}, nice {os.nice(0)}"


def made_up() -> Iterator[Record]:
    """Yield records that hold at V0, the same every time."""
    benchmark = load_benchmark("sim7")
    draw = np.random.default_rng(0)
    for seed, backbone, method, source in itertools.product(
        range(N_SEEDS), range(N_BACKBONES), range(N_METHODS), benchmark.devices
    ):
        yield _record(
            benchmark.sha256,
            benchmark.classes,
            benchmark.devices,
            backbone=backbone,
            method=method,
            source=source,
            seed=seed,
            draw=draw,
        )


def _record(
    benchmark_sha256: str,
    classes: list[str],
    devices: list[str],
    *,
    backbone: int,
    method: int,
    source: str,
    seed: int,
    draw: np.random.Generator,
) -> Record:
    needs = NEEDS[(0, len(NEEDS) - 1)[method] if method < 2 else method % len(NEEDS)]
    plan = made_up_plan(
        method=("baseline", "ideal")[method] if method < 2 else f"method-{method}",
        options={"width": 32, "strength": 0.5},
        needs=needs,
        backbone=f"net-{backbone}",
        benchmark_sha256=benchmark_sha256,
        devices=devices,
        source=source,
        seed=seed,
        threads=2,
    )
    scores = []
    for device in (source, *plan.targets):
        skill = 0.97 if device == source else 0.4 + 0.5 * method / N_METHODS
        counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
        true = np.repeat(np.arange(len(classes)), N_EVENTS)
        said = np.where(draw.random(len(true)) < skill, true, draw.permutation(true))
        np.add.at(counts, (true, said), 1)
        role = "source" if device == source else "target"
        scores.append(score_counts(device=device, role=role, counts=counts))  # type: ignore[arg-type]
    epochs = [Epoch(epoch=n, loss=1 / n, val_loss=1 / n, val_macro_f1=0.9) for n in range(3, 48, 3)]
    return made_up_record(
        plan,
        scores,
        classes=classes,
        history=epochs,
        n_parameters=393_460 * (backbone + 1),
        measured={
            "machine": {"cpu": "made up", "gpus": [], "system": "Linux"},
            "peak_memory_mb": {"fit": 900.0, "predict": 800.0},
            "times_s": {"fit": 20 + 60 * float(draw.random()), "predict": 3.0, "total": 80.0},
        },
    )


if __name__ == "__main__":
    main()
