"""Where a corpus lies: in a folder of the user's, or made once by a plugin for the store."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from devbench.corpora.manifest import Corpus, open_corpus
from devbench.errors import DataError
from devbench.files import sync_folder
from devbench.registry import PluginRef, find, installed
from devbench.running.describe import describe
from devbench.running.process import WorkerLimits, run_worker

LIMITS = WorkerLimits(wall_s=3600.0, memory_mb=16_000, scratch_mb=100_000)


def require_corpus(name: str, *, data: Path | None) -> None:
    """Raise DataError that says where it was looked for, unless the corpus is there or is made."""
    if not _is_ready(name, data) and name not in installed("corpus"):
        where = f"in {str(data)!r} " if data else ""
        raise DataError(
            f"corpus {name!r} was not found {where}and no plugin makes it",
            fix=f"build or import it into DIR/{name}, then give --data DIR or set DEVBENCH_DATA",
        )


def find_corpus(
    name: str, *, data: Path | None, store: Path, on_progress: Callable[[int, int], None]
) -> Corpus:
    """Return the corpus called name, making it first where a plugin offers it.

    A folder data/name comes first. Raises DataError that says where it was looked for.
    """
    require_corpus(name, data=data)
    if data is not None and _is_ready(name, data):
        return open_corpus(data / name)
    ref = find("corpus", name)
    folder = _folder_of(ref, store)
    if not folder.exists():
        _make(ref, folder, on_progress)
    return open_corpus(folder)


def _is_ready(name: str, data: Path | None) -> bool:
    return data is not None and (data / name / "corpus.toml").exists()


def _folder_of(ref: PluginRef, store: Path) -> Path:
    described: Mapping[str, Any] = describe([ref])["corpus"]
    made_by = f"{ref.name}-{described['version']}-{described['code_sha256'][:8]}"
    return store / "cache" / "corpora" / made_by


def _make(ref: PluginRef, folder: Path, on_progress: Callable[[int, int], None]) -> None:
    from filelock import FileLock

    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        if folder.exists():  # another process made it while this one waited
            return
        scratch = folder.with_name(f".{folder.name}.making")
        shutil.rmtree(scratch, ignore_errors=True)

        def report(message: Mapping[str, Any]) -> None:
            if message["event"] == "progress":
                on_progress(int(message["done"]), int(message["total"]))

        job = {"plugin": ref.to_dict(), "folder": "corpus"}
        run_worker("corpus", job, scratch=scratch, limits=LIMITS, threads=1, on_report=report)
        (scratch / "corpus").rename(folder)
        sync_folder(folder.parent)
        shutil.rmtree(scratch, ignore_errors=True)
