"""A corpus folder appears whole or not at all: work beside its name, move it there at the end."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from devbench.corpora.manifest import Corpus, open_corpus
from devbench.errors import DataError, DevbenchError
from devbench.files import disk_errors, sync_folder


def opaque_id(*words: str) -> str:
    """Return 16 hexadecimal digits that say nothing about words but always follow from them."""
    from devbench.files import canonical_json, sha256_bytes

    return sha256_bytes(canonical_json(list(words)))[:16]


def require_free(folder: Path) -> None:
    """Refuse to build where something else stands; a missing or an empty folder is free."""
    if folder.is_dir() and not any(folder.iterdir()):
        return
    if folder.exists() or folder.is_symlink():
        raise DataError(f"{str(folder)!r} exists already", fix=_REFUSED_FIX)


_REFUSED_FIX = "give another --out, or move that folder away first"


@contextlib.contextmanager
def scratch_beside(folder: Path) -> Iterator[Path]:
    """Give an empty scratch folder on the disk of folder; it is gone when the work fails.

    What a killed build left there is removed by the next one: a scratch folder is locked for as
    long as its process lives.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    remove_unlocked(folder, "building")
    scratch = folder.with_name(f".{folder.name[:80]}.{secrets.token_hex(6)}.building")
    with disk_errors(scratch):
        scratch.mkdir(mode=0o755)
        handle = os.open(scratch, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with disk_errors(scratch):
            yield scratch
    finally:
        os.close(handle)
        shutil.rmtree(scratch, ignore_errors=True)


def remove_unlocked(folder: Path, ending: str, *, but: Path | None = None) -> None:
    """Remove what processes that are gone left beside folder: hidden, with its name and ending."""
    own = re.compile(rf"\.{re.escape(folder.name[:80])}\.[0-9a-f]+\.{ending}")
    for other in folder.parent.iterdir():
        if other == but or not own.fullmatch(other.name):
            continue
        with contextlib.suppress(OSError):
            if time.time() - other.stat().st_ctime < 60:
                continue  # perhaps made a moment ago and not locked yet
            handle = os.open(other, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(other, ignore_errors=True)
            finally:
                os.close(handle)


def into_place(scratch: Path, folder: Path, fingerprint: str) -> Corpus:
    """Move a finished corpus to its name and return it opened.

    When somebody else finished first, his corpus stays: it must hold the same fingerprint.
    """
    os.sync()  # thousands of small files: one flush, not one each
    try:
        with disk_errors(folder):
            scratch.rename(folder)  # replaces an empty folder, never a filled one
    except OSError as error:
        require_same(folder, fingerprint, cause=error)
    else:
        sync_folder(folder.parent)
    return open_corpus(folder)


def require_same(folder: Path, fingerprint: str, *, cause: Exception | None = None) -> Corpus:
    """Return the corpus in folder if it holds fingerprint, else refuse to touch it."""
    try:
        found = open_corpus(folder)
    except DevbenchError as error:
        raise DataError(
            f"{str(folder)!r} exists and is not that corpus ({error.what})", fix=_REFUSED_FIX
        ) from error
    if found.fingerprint != fingerprint:
        raise DataError(
            f"{str(folder)!r} exists and holds another corpus: {found.header.name} version "
            f"{found.header.version}, fingerprint {found.fingerprint[:12]}… "
            f"instead of {fingerprint[:12]}…",
            fix=_REFUSED_FIX,
        ) from cause
    return found
