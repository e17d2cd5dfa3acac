"""Time and memory of `data import` for many small files, against copying the same files.

    python benchmarks/speed/importing.py [--files 10000] [--devices 5] [--seconds 0.5] [--jobs 2]

The tree has the layout folders. Peak memory is taken from the import's own process and from its
largest worker, for a tenth of the files and for all of them: equal figures mean no growth.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

RATE_HZ = 22_050
_IMPORT = """
import json, resource, sys, time
from pathlib import Path
from devbench.corpora.importing import ImportRequest, import_corpus

if __name__ == "__main__":
    root, out, jobs = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    started = time.perf_counter()
    made = import_corpus(ImportRequest(root, out, "x", "CC0", "me", layout="folders"), jobs=jobs)
    own = resource.getrusage(resource.RUSAGE_SELF)
    workers = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps({
        "wall_s": time.perf_counter() - started,
        "cpu_s": own.ru_utime + own.ru_stime + workers.ru_utime + workers.ru_stime,
        "peak_mib": own.ru_maxrss / 1024,
        "worker_mib": workers.ru_maxrss / 1024,
        "n_clips": len(made.corpus.clips),
    }))
"""


def main() -> None:
    """Make the trees, import them, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--devices", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="devbench-speed-") as name:
        folder = Path(name)
        (folder / "take_in.py").write_text(_IMPORT)
        for number in (given.files // 10, given.files):
            root = folder / f"in-{number}"
            _make(root, number, given.devices, given.seconds)
            started = time.perf_counter()
            shutil.copytree(root, folder / "copied")
            copy_s = time.perf_counter() - started
            n_bytes = sum(path.stat().st_size for path in root.rglob("*.wav"))
            done = subprocess.run(
                [sys.executable, str(folder / "take_in.py"), str(root),
                 str(folder / f"out-{number}"), str(given.jobs)],
                capture_output=True, check=True,
            )  # fmt: skip
            found = json.loads(done.stdout)
            print(
                f"{found['n_clips']} files, {n_bytes / 2**20:.0f} MiB: import {found['wall_s']:.1f}"
                f" s ({found['n_clips'] / found['wall_s']:.0f} files/s, {found['cpu_s']:.1f} s of "
                f"processor time), copy {copy_s:.1f} s; peak {found['peak_mib']:.0f} MiB, worker "
                f"{found['worker_mib']:.0f} MiB; load before {load:.1f}"
            )
            shutil.rmtree(folder / "copied")


def _make(root: Path, n_files: int, n_devices: int, seconds: float) -> None:
    rng = np.random.default_rng(0)
    n_samples = round(seconds * RATE_HZ)
    for number in range(n_files):
        event, device = divmod(number, n_devices)
        path = root / f"device {device}" / f"class {event % 10}" / f"{event}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        envelope = np.exp(-6 * np.arange(n_samples) / n_samples)
        sound = 0.2 * rng.standard_normal(n_samples) * envelope
        soundfile.write(path, sound, RATE_HZ, subtype="PCM_16")


if __name__ == "__main__":
    main()
