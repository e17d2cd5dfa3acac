"""Campaign: a team writes to one MLflow server on PostgreSQL at the same moment; nothing is lost.

    python tests/campaigns/team_server.py [--runs 64] [--processes 8]

Every process has a store of its own, so that no lock keeps them apart; all begin with the same run.
Prints what the server holds in the end, and whether its table is that of the records.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from helpers.boards import board, write_records
from helpers.team_server import team_server
from helpers.team_writers import held_by, made_runs, write_at_once


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=64)
    parser.add_argument("--processes", type=int, default=8)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="devbench-campaign-") as name, team_server() as server:
        folder = Path(name)
        started = time.monotonic()
        write_at_once(server.uri, folder, given.runs, given.processes)
        written_s = time.monotonic() - started
        held = held_by(server.uri, folder / "whole")
        records = [run.record for run in made_runs(given.runs)]
        expected = board("--records", write_records(folder / "records", records)).stdout_bytes
        started = time.monotonic()
        found = board("--from-mlflow", server.uri)
        read_s = time.monotonic() - started
    lost = {record.run_id for record in records} - set(held.runs)
    doubled = sum(count > 1 for count in held.runs.values())
    is_same = found.stdout_bytes == expected and not found.stderr
    print(
        f"{given.runs} runs from {given.processes} processes: {len(held.runs)} MLflow runs, "
        f"{len(lost)} lost, {doubled} doubled, {held.parents} parent runs, {held.orphans} runs "
        f"without it; {written_s:.0f} s to write, {read_s:.0f} s to read; "
        f"the table is {'the same' if is_same else 'ANOTHER'}"
    )
    is_good = len(held.runs) == given.runs and not (lost or doubled or held.orphans)
    return 0 if is_good and held.parents == 1 and is_same else 1


if __name__ == "__main__":
    sys.exit(main())
