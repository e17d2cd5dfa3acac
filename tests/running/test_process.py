"""Watching a worker: its files come and go while they are counted."""

from __future__ import annotations

import threading
from pathlib import Path

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
