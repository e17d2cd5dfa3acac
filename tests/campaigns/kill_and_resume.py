"""Campaign: kill -9 at random moments of a run, then the same command; the bytes must be equal.

    python tests/campaigns/kill_and_resume.py [--times 20] [--method freq-mixstyle] [--seed 0]

Each time: a fresh store, a run that is killed (only its coordinator, so that the workers must
notice), the same command again, and a comparison of record, logits and weights with those of a run
that nobody disturbed. Prints one line per kill and a summary; exit code 1 if any differs.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from devbench.plugin_kit.tiny import make_benchmark, make_corpus
from devbench.results.store import Store


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--method", default="freq-mixstyle")
    parser.add_argument("--seed", type=int, default=0, help="of the moments, not of the run")
    given = parser.parse_args()
    rng = random.Random(given.seed)
    with tempfile.TemporaryDirectory(prefix="devbench-campaign-") as name:
        folder = Path(name)
        make_corpus(folder / "data" / "tiny")
        benchmark = make_benchmark(folder / "tiny.toml", epochs="12", checkpoint_epochs="2")
        started = time.monotonic()
        expected = finish(folder, benchmark, "reference", given.method)
        whole_s = time.monotonic() - started
        print(f"an undisturbed run takes {whole_s:.1f} s")
        bad = 0
        for number in range(given.times):
            moment_s = rng.uniform(0.2, whole_s)
            store = f"store-{number}"
            was_killed, phase = kill(folder, benchmark, store, given.method, moment_s)
            found = finish(folder, benchmark, store, given.method)
            same = found == expected
            bad += not same
            verdict = "equal" if same else "DIFFERS"
            words = f"killed in {phase}" if was_killed else "had ended"
            print(f"{number + 1:3d}: after {moment_s:5.2f} s, {words}: {verdict}")
        left = [p.pid for p in psutil.process_iter() if folder.name in home_of(p)]
        print(f"{given.times - bad} of {given.times} equal; {len(left)} processes left over")
    return 1 if bad or left else 0


def command(folder: Path, benchmark: Path, store: str, method: str) -> list[str]:
    return [sys.executable, "-m", "devbench", "run", "--method", method, "--source", "phone",
            "--benchmark", str(benchmark), "--data", str(folder / "data"), "--store",
            str(folder / store), "--threads", "1", "--device", "cpu"]  # fmt: skip


def environment() -> dict[str, str]:
    return {**os.environ, "DEVBENCH_OBSERVERS": "none"}


def kill(
    folder: Path, benchmark: Path, store: str, method: str, moment_s: float
) -> tuple[bool, str]:
    """Start a run and kill it; return whether it was still running, and its last words."""
    child = subprocess.Popen(
        command(folder, benchmark, store, method),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    time.sleep(moment_s)
    was_running = child.poll() is None
    child.send_signal(signal.SIGKILL)
    heard = child.communicate()[1].decode().strip().splitlines()
    return was_running, heard[-1] if heard else "planning"


def finish(folder: Path, benchmark: Path, store: str, method: str) -> tuple[object, bytes, bytes]:
    """Run the command to its end and return record (times aside), logits and weights."""
    done = subprocess.run(
        command(folder, benchmark, store, method),
        capture_output=True,
        env=environment(),
        check=False,
    )
    if done.returncode:
        return (done.stderr.decode(), b"", b"")
    opened = Store(folder / store)
    (run_id,) = opened.run_ids()
    record = opened.get(run_id)
    logits = opened.blob("logits", record.logits_sha256)
    return (
        record.reproducible(),
        logits,
        opened.blob("checkpoints", record.models[0].weights_sha256),
    )


def home_of(process: psutil.Process) -> str:
    try:
        return str(process.environ().get("HOME", ""))
    except psutil.Error:
        return ""


if __name__ == "__main__":
    sys.exit(main())
