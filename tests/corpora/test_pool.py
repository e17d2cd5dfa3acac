from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from devbench.corpora.pool import in_processes
from devbench.errors import ConfigurationError, DataError, RunError

SLEEPER = """
import os, sys, time
from devbench.corpora.pool import in_processes

def work(item):
    with open(sys.argv[1], "a") as file:
        file.write(f"{os.getpid()}\\n")
    time.sleep(60)

if __name__ == "__main__":
    list(in_processes(work, [1, 2, 3], jobs=2))
"""


def double(item: int) -> int:
    time.sleep(0.02 * (item % 3))  # so that later items are finished earlier
    return 2 * item


def refuse(item: int) -> int:
    if item == 3:
        raise RunError("the disk is full", fix="free some")
    return item


def die(item: int) -> int:
    if item == 3:
        os._exit(11)
    return item


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_keep_the_order_of_the_items(jobs: int) -> None:
    told: list[tuple[int, int]] = []
    results = in_processes(
        double, range(9), jobs=jobs, progress=lambda done, total: told.append((done, total))
    )
    assert list(results) == [2 * item for item in range(9)]
    assert told == [(done, 9) for done in range(10)]


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_keeps_its_kind_and_its_fix(jobs: int) -> None:
    with pytest.raises(RunError, match="the disk is full") as error:
        list(in_processes(refuse, range(9), jobs=jobs))
    assert error.value.fix == "free some"
    assert not isinstance(error.value, ConfigurationError)


def test_a_process_that_dies_is_told() -> None:
    with pytest.raises(DataError, match="a process died"):
        list(in_processes(die, range(9), jobs=2))


def test_workers_end_with_a_killed_command(tmp_path: Path) -> None:
    script, pids = tmp_path / "sleeper.py", tmp_path / "pids"
    script.write_text(SLEEPER)
    command = subprocess.Popen([sys.executable, str(script), str(pids)])
    try:
        deadline = time.monotonic() + 30
        while not (pids.exists() and len(pids.read_text().split()) == 2):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        command.send_signal(signal.SIGKILL)
        command.wait()
    workers = [int(pid) for pid in pids.read_text().split()]
    deadline = time.monotonic() + 10
    while any(psutil.pid_exists(pid) for pid in workers):
        assert time.monotonic() < deadline, "workers outlived their command"
        time.sleep(0.05)
