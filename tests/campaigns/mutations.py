"""Campaign: damaged manifests, TOML files, WAV files and records are refused or read right.

python tests/campaigns/mutations.py [--number 2000] [--seed 0]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from helpers.mutations import Bench, run_mutations


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--number", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    os.sync = lambda: None  # type: ignore[assignment]  # thousands of flushes are not the question
    with tempfile.TemporaryDirectory(prefix="devbench-campaign-") as name:
        started = time.monotonic()
        tally = run_mutations(Bench(Path(name) / "bench"), given.number, given.seed)
        wall_s = time.monotonic() - started
    counts = ", ".join(f"{count} {what}" for what, count in sorted(tally.counts.items()))
    print(
        f"{given.number} damaged inputs: {counts}; {len(tally.faults)} faults; slowest "
        f"{tally.slowest_s:.2f} s of processor time; {wall_s:.0f} s in all"
    )
    for fault in tally.faults[:20]:
        print(fault)
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
