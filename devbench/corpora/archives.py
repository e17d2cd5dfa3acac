"""Archives of third parties: regular files below one folder, within limits, or nothing at all.

Members are read one by one by this module; neither zipfile nor tarfile writes a file. No link, no
device, no path outside, no name that two systems read differently, no bomb.
"""

from __future__ import annotations

import contextlib
import gzip
import stat
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn, cast

from devbench.errors import DataError
from devbench.files import disk_errors

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz")
BLOCK_BYTES = 1 << 20
MAX_NAME = 500
MAX_PART_BYTES = 255


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may hold; sound shrinks by 10 at best, so 100 times is no sound.

    n_bytes, n_members: in all. member_bytes: of one file. ratio: unpacked bytes to the bytes of
    the archive, where more than free_bytes come out.
    """

    n_members: int = 1_000_000
    n_bytes: int = 256 * 2**30
    member_bytes: int = 2**30
    ratio: float = 100.0
    free_bytes: int = 2**25


def is_archive(path: Path) -> bool:
    """Return whether the name of a file says that it is an archive that is read."""
    return path.is_file() and path.name.lower().endswith(SUFFIXES)


def unpack(archive: Path, folder: Path, limits: Limits | None = None) -> int:
    """Write the files of an archive below an empty folder and return how many there were.

    Raises DataError with the archive, the member and the reason; what was written then has to be
    removed with the folder. Resource forks of macOS (__MACOSX) are passed over.
    """
    taken = _Taken(archive, folder, limits or Limits())
    try:
        with disk_errors(folder):
            if zipfile.is_zipfile(archive) and archive.name.lower().endswith(".zip"):
                _unzip(archive, taken)
            elif archive.name.lower().endswith(".zip"):
                taken.refuse("", "no zip archive, or its end is missing")
            else:
                _untar(archive, taken)
    except (
        zipfile.BadZipFile, tarfile.TarError, zlib.error, gzip.BadGzipFile, EOFError,
        NotImplementedError, RuntimeError, ValueError, LookupError,
    ) as error:  # fmt: skip
        raise DataError(
            f"{archive}: the archive is damaged ({str(error)[:120]})", fix="fetch it again"
        ) from error
    if not taken.n_files:
        taken.refuse("", "no file in it")
    return taken.n_files


def top_folder(folder: Path) -> Path:
    """Return the one folder that everything lies in, or folder itself."""
    found = [path for path in folder.iterdir() if not path.name.startswith(".")]
    return found[0] if len(found) == 1 and found[0].is_dir() else folder


class _Taken:
    """What came out of an archive so far, held against the limits."""

    def __init__(self, archive: Path, folder: Path, limits: Limits) -> None:
        self.archive, self.folder, self.limits = archive, folder, limits
        self.n_files = self.n_members = self.n_bytes = 0
        self._packed_bytes = archive.stat().st_size
        self._names: dict[str, bool] = {}

    def refuse(self, name: str, why: str) -> NoReturn:
        member = f" member {name[:80]!r}:" if name else ""
        raise DataError(
            f"{self.archive}:{member} {why}",
            fix="fetch it again from where it comes from, or unpack it yourself and give the "
            "folder",
        )

    def member(self, name: str, *, is_folder: bool) -> Path | None:
        """Return where a member goes, None where it is passed over."""
        self.n_members += 1
        if self.n_members > self.limits.n_members:
            self.refuse(name, f"more than {self.limits.n_members} members")
        parts = name.rstrip("/").split("/") if is_folder else name.split("/")
        while parts[:1] == ["."]:  # tar writes ./ before every name
            parts = parts[1:]
        if not parts:
            return None
        if not name.isprintable() or len(name) > MAX_NAME:
            self.refuse(name, "its name is not printable, or too long")
        if "\\" in name or ":" in parts[0] or any(part in ("", ".", "..") for part in parts):
            self.refuse(name, "its name leads outside, or differs between systems")
        if any(len(part.encode()) > MAX_PART_BYTES for part in parts):
            self.refuse(name, "its name is too long")
        if parts[0] == "__MACOSX":
            return None
        self._claim(name, parts, is_folder=is_folder)
        return self.folder.joinpath(*parts)

    def _claim(self, name: str, parts: list[str], *, is_folder: bool) -> None:
        """Refuse a name that stands twice, differs in case only, or is file and folder."""
        plain = [unicodedata.normalize("NFC", part).casefold() for part in parts]
        for depth in range(1, len(plain)):
            if not self._names.setdefault("/".join(plain[:depth]), True):
                self.refuse(name, "a file is also a folder")
        whole = "/".join(plain)
        if whole in self._names and not (is_folder and self._names[whole]):
            self.refuse(name, "two members have this name, or differ in case only")
        self._names[whole] = is_folder

    def write(self, name: str, target: Path, file: IO[bytes], n_bytes: int) -> None:
        """Write one file of exactly n_bytes."""
        if n_bytes > self.limits.member_bytes:
            self.refuse(name, f"{n_bytes} bytes are more than {self.limits.member_bytes}")
        target.parent.mkdir(parents=True, exist_ok=True)
        written = 0
        with target.open("xb") as out:
            while block := file.read(min(BLOCK_BYTES, n_bytes - written + 1)):
                written += len(block)
                if written > n_bytes:
                    self.refuse(name, "more bytes than its header says")
                self.count(name, len(block))
                out.write(block)
        if written != n_bytes:
            self.refuse(name, f"{written} bytes where its header says {n_bytes}")
        self.n_files += 1

    def count(self, name: str, n_bytes: int) -> None:
        """Add bytes that came out, and refuse too many."""
        self.n_bytes += n_bytes
        if self.n_bytes > self.limits.n_bytes:
            self.refuse(name, f"more than {self.limits.n_bytes} bytes unpacked")
        too_many = self.limits.ratio * self._packed_bytes
        if self.n_bytes > max(too_many, self.limits.free_bytes):
            self.refuse(name, f"it unpacks to more than {self.limits.ratio:g} times its size")


def _unzip(archive: Path, taken: _Taken) -> None:
    with zipfile.ZipFile(archive) as found:
        members = found.infolist()
        if sum(member.compress_size for member in members) > archive.stat().st_size:
            taken.refuse("", "its members overlap")
        for member in members:
            name = member.orig_filename
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                taken.refuse(name, "a link or a device, no file")
            if member.flag_bits & 0x1:
                taken.refuse(name, "it is encrypted")
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                taken.refuse(name, "it is packed otherwise than by deflate")
            is_folder = name.endswith("/")
            target = taken.member(name, is_folder=is_folder)
            if target is None or is_folder:
                continue
            with found.open(member) as file:
                taken.write(name, target, file, member.file_size)


def _untar(archive: Path, taken: _Taken) -> None:
    with _tar_bytes(archive) as plain:
        metered = _Metered(plain)
        with tarfile.open(fileobj=cast("IO[bytes]", metered), mode="r|") as found:
            while (member := found.next()) is not None:
                found.members.clear()  # type: ignore[attr-defined]  # keeps no million of them
                name = member.name + ("/" if member.isdir() else "")
                if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE):
                    taken.refuse(name, "a link or a device, no file")
                if member.sparse is not None:
                    taken.refuse(name, "a sparse file")
                target = taken.member(name, is_folder=member.isdir())
                metered.left = max(member.size, 0) + 2 * BLOCK_BYTES
                file = None if member.isdir() else found.extractfile(member)
                if file is not None and target is not None:
                    taken.write(name, target, file, member.size)
                elif file is not None:
                    while block := file.read(BLOCK_BYTES):
                        taken.count(name, len(block))
                metered.left = 2 * BLOCK_BYTES
        while block := plain.read(BLOCK_BYTES):  # gzip's checksum stands behind the last byte
            taken.count("", len(block))


class _Metered:
    """A stream of which headers may read no more than 2 MiB at a time, whatever they claim."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.left = 2 * BLOCK_BYTES

    def read(self, n_bytes: int) -> bytes:
        block = self._file.read(n_bytes)
        self.left -= len(block)
        if self.left < 0:
            raise tarfile.TarError("a header claims more than 2 MiB")
        return block


@contextlib.contextmanager
def _tar_bytes(archive: Path) -> Iterator[IO[bytes]]:
    with archive.open("rb") as file:
        if file.peek(2)[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=file) as plain:
                yield plain  # type: ignore[misc]
        else:
            yield file
