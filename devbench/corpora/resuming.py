"""The work folder of an import: it outlives Ctrl-C, a kill and a full disk, not a mistake.

.NAME.KEY.importing beside the corpus folder holds corpus/ (what is copied so far), unpacked/ (of
an archive) and journal.jsonl, a line per copied file. KEY follows from the request, so the same
command finds its own work again and no other does.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from devbench.corpora.archives import is_archive, top_folder, unpack
from devbench.corpora.assembling import remove_unlocked
from devbench.corpora.intake import Copied, CopyJob
from devbench.errors import DataError, DevbenchError, RunError
from devbench.files import disk_errors, sha256_file

JOURNAL = "journal.jsonl"


@contextlib.contextmanager
def work_beside(folder: Path, key: str) -> Iterator[Path]:
    """Give the locked work folder of an import into folder.

    It is removed when the work is done or refused; an interrupted one is left for the next time.
    Raises DataError when another process works in it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = folder.with_name(f".{folder.name[:80]}.{key[:16]}.importing")
    remove_unlocked(folder, "importing", but=work)
    with disk_errors(work):
        work.mkdir(mode=0o755, exist_ok=True)
        handle = os.open(work, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        _lock(handle, folder)
        try:
            with disk_errors(work):
                yield work
        except DevbenchError as error:
            if not (isinstance(error, RunError) and error.state == "disk"):
                shutil.rmtree(work, ignore_errors=True)
            raise
        shutil.rmtree(work, ignore_errors=True)
    finally:
        os.close(handle)


def _lock(handle: int, folder: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise DataError(
            f"another import into {str(folder)!r} is at work", fix="wait for it, then look there"
        ) from error


@contextlib.contextmanager
def opened(source: Path, work: Path) -> Iterator[Path]:
    """Give the folder or the table to read: source, or what the archive source holds.

    An archive is unpacked once into work, however often the import is interrupted. Complaints
    then name the archive, for the folder is gone when they are read.
    """
    if not is_archive(source):
        yield source
        return
    folder, whole = work / "unpacked", work / "unpacked.json"
    stamp = json.dumps(_stamp(source))
    if not (whole.is_file() and whole.read_text() == stamp):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        unpack(source, folder)
        whole.write_text(stamp)
    root = top_folder(folder)
    try:
        yield root
    except DevbenchError as error:
        error.what = error.what.replace(str(root), str(source))
        error.fix = error.fix.replace(str(root), str(source))
        raise


class Journal:
    """What an interrupted import copied already, and what this one copies."""

    def __init__(self, work: Path) -> None:
        self._path = work / JOURNAL
        self._known = _read(self._path)
        self._file: TextIO | None = None

    def found(self, job: CopyJob) -> Copied | None:
        """Return what was copied of an unchanged source, if it still lies there unharmed."""
        line = self._known.get(job.target)
        if line is None or line["source"] != _stamp(job.source):
            return None
        try:
            copied = Copied.from_document(line["copied"])
            target = (job.folder / job.target).with_name(copied.file_name)
            return copied if sha256_file(target) == copied.sha256 else None
        except (TypeError, KeyError, OSError):
            return None

    def add(self, job: CopyJob, copied: Copied) -> None:
        """Write down one copied file."""
        if self._file is None:
            self._file = self._path.open("a", buffering=1, encoding="utf-8")
            self._file.write("\n")  # a line that was torn off by a kill ends here
        line = {
            "target": job.target,
            "source": _stamp(job.source),
            "copied": copied.document(),
        }
        self._file.write(json.dumps(line, allow_nan=False) + "\n")

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


def _stamp(source: Path) -> list[Any]:
    try:
        facts = source.stat()
    except OSError:
        return [str(source), -1, -1]
    return [str(source), facts.st_size, facts.st_mtime_ns]


def _read(path: Path) -> dict[str, dict[str, Any]]:
    """Return the lines of a journal by target; a torn one is as if it were not there."""
    found: dict[str, dict[str, Any]] = {}
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return found
    for row in text.splitlines():
        with contextlib.suppress(ValueError, TypeError, KeyError):
            line = json.loads(row)
            if isinstance(line, dict) and {"target", "source", "copied"} <= line.keys():
                found[line["target"]] = line
    return found


def remove_strays(folder: Path, known: set[str]) -> None:
    """Remove copied files that no row names any more; known: paths below folder."""
    for path in (folder / "audio").rglob("*"):
        if path.is_file() and path.relative_to(folder).as_posix() not in known:
            path.unlink()
