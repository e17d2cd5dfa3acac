"""Watching a worker: its files come and go while they are counted."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from devbench.running import process
from devbench.running.process import bytes_in


def test_files_that_vanish_while_they_are_counted_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "kept").write_bytes(b"x" * 1000)
    over = threading.Event()

    def publish_again_and_again() -> None:
        while not over.is_set():
            for number in range(20):
                (tmp_path / f"{number}.tmp").write_bytes(b"y")
                (tmp_path / f"{number}.tmp").replace(tmp_path / "whole")

    writer = threading.Thread(target=publish_again_and_again)
    writer.start()
    try:
        sizes = [bytes_in(tmp_path) for _ in range(2000)]
    finally:
        over.set()
        writer.join()
    assert min(sizes) >= 1000
    assert max(sizes) <= 1020


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "big").write_bytes(b"x" * 100_000)
    (tmp_path / "a" / "link").symlink_to(tmp_path / "big")
    (tmp_path / "a" / "file").write_bytes(b"x" * 10)
    assert bytes_in(tmp_path / "a") < 1000


class Unlimited:
    """Limits that nothing breaks."""

    def __init__(self, log: Path) -> None:
        self.log = log

    def check(self) -> None:
        pass


def test_a_result_that_comes_while_the_parent_looks_away_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child reports and ends just after the wait for its report was over."""
    read_end, write_end = os.pipe()
    code = "import os, sys; os.write(int(sys.argv[1]), sys.argv[2].encode())"
    words = [sys.executable, "-c", code, str(write_end), '{"event": "done", "result": 7}\n']
    started: list[subprocess.Popen[bytes]] = []

    class Child:
        returncode = None

        def poll(self) -> int | None:
            return started[0].poll() if started else None

        def wait(self, timeout_s: float) -> int:
            return started[0].wait(timeout_s)

    wait_for_reports = select.select

    def paused(*arguments: Any) -> Any:
        found = wait_for_reports(*arguments)
        if not started:
            started.append(subprocess.Popen(words, pass_fds=(write_end,)))
            started[0].wait()
        return found

    monkeypatch.setattr(select, "select", paused)
    child: Any = Child()
    watch: Any = Unlimited(tmp_path / "log.txt")
    try:
        result = process._listen(child, read_end, watch, None, "fit")
    finally:
        os.close(read_end)
        os.close(write_end)
    assert result == 7


def test_the_worker_counts_gpus_as_its_parent_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CUDA_VISIBLE_DEVICES=1 is another GPU where their order is another."""
    for name, value in (("CUDA_VISIBLE_DEVICES", "1"), ("CUDA_DEVICE_ORDER", "PCI_BUS_ID")):
        monkeypatch.setenv(name, value)
        assert process._environment(tmp_path, 1, "mark")[name] == value
