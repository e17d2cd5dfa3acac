"""Files that are whole or absent: canonical JSON, hashes, atomic publication, strict reading."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from devbench.errors import ConfigurationError, DataError, RunError

MAX_JSON_BYTES = 64 * 2**20
MAX_TOML_BYTES = 4 * 2**20
# A list of numbers over several lines; no string matches, for a string holds no line break.
_NUMBERS = re.compile(r"\[\n\s+([-+.\d\seE,]+?)\n\s+\]")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EEXIST, errno.ENOTDIR, errno.EISDIR,
               errno.ENAMETOOLONG)  # fmt: skip


def canonical_json(value: Any) -> bytes:
    """Return value as JSON with sorted keys and no spaces; NaN and infinity are refused."""
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def pretty_json(value: Any) -> bytes:
    """Return value as JSON for people and diffs: sorted keys, indented, numbers in rows."""
    text = json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    text = _NUMBERS.sub(lambda found: f"[{' '.join(found[1].split())}]", text)
    return text.encode() + b"\n"


def sha256_bytes(data: bytes) -> str:
    """Return the SHA-256 of data in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def publish(path: Path, data: bytes, *, replace: bool = False) -> None:
    """Write a file that is seen whole or not at all, and is on the disk when this returns.

    A file that exists stays as it is unless replace is set: the first writer wins.
    Raises RunError (state disk) when the disk is full or the quota is used up.
    """
    with disk_errors(path), _temporary_beside(path) as temporary:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _into_place(temporary, path, replace=replace)


def publish_file(source: Path, path: Path, *, replace: bool = False) -> None:
    """Move a finished file on the same disk to its name, with the promises of `publish`."""
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with source.open("rb") as file:
            os.fsync(file.fileno())
        _into_place(source, path, replace=replace)


def _into_place(temporary: Path, path: Path, *, replace: bool) -> None:
    if replace:
        temporary.replace(path)
    else:
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
        temporary.unlink()
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _temporary_beside(path: Path) -> Iterator[Path]:
    temporary = path.with_name(f".{path.name[:80]}.{secrets.token_hex(6)}.tmp")
    try:
        yield temporary
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn a full or unwritable disk into one clear error."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise RunError(
                f"the disk is full: cannot write {str(path)!r}",
                fix="free some space and type the same command again; finished work is kept",
                state="disk",
            ) from error
        if error.errno in _UNWRITABLE:
            raise DataError(
                f"cannot write {str(path)!r}: {error.strerror}",
                fix="choose a folder you may write to",
            ) from error
        raise


def parse_json(data: bytes, *, origin: str) -> Any:
    """Return the value of JSON text; what could not be written again as it was is refused.

    That is: duplicate keys, NaN, another encoding, and halves of surrogate pairs.
    """
    if len(data) > MAX_JSON_BYTES:
        raise DataError(
            f"{origin}: {len(data)} bytes are more than the {MAX_JSON_BYTES} that are read",
            fix="this is no file that devbench wrote; replace it",
        )
    try:
        value = json.loads(
            data.decode("utf-8"), object_pairs_hook=_unique_keys, parse_constant=_refuse_constant
        )
        if _SURROGATE.search(data):  # half a pair is text that cannot be written again
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise DataError(
            f"{origin}: line {error.lineno}, column {error.colno}: {error.msg}",
            fix="restore the file from where it came",
        ) from error
    except (UnicodeError, ValueError, RecursionError) as error:
        raise DataError(
            f"{origin}: {str(error)[:200]}", fix="restore the file from where it came"
        ) from error
    return value


def read_json(path: Path) -> Any:
    """Return the value of a JSON file, read as strictly as `parse_json` does."""
    return parse_json(read_bytes(path), origin=str(path))


def read_bytes(path: Path, *, at_most: int | None = None) -> bytes:
    """Return a file's bytes, or raise DataError that names it.

    at_most: read no more than one byte beyond so many, by which the caller sees that there are
    more; a file may be larger than the memory.
    """
    try:
        with path.open("rb") as file:
            return file.read(-1 if at_most is None else at_most + 1)
    except OSError as error:
        raise DataError(
            f"cannot read {str(path)!r}: {error.strerror}", fix="check the path and its permissions"
        ) from error


def read_toml(path: Path) -> dict[str, Any]:
    """Return the value of a TOML file, or raise ConfigurationError with the line."""
    import tomllib

    data = read_bytes(path, at_most=MAX_TOML_BYTES)
    if len(data) > MAX_TOML_BYTES:
        raise ConfigurationError(
            f"{path}: more than {MAX_TOML_BYTES} bytes, and no more are read",
            fix="check the path: no TOML file of devbench is that large",
        )
    try:
        return tomllib.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # TOMLDecodeError, not UTF-8, huge integers
        raise ConfigurationError(
            f"{path}: {str(error)[:200]}", fix="mend the TOML syntax at that place"
        ) from error


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"key {twice[:80]!r} stands twice")
    return found


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is no JSON number")
