"""Archives: what is whole comes in, what is hostile or damaged is refused with nothing left."""

from __future__ import annotations

import gzip
import io
import os
import random
import stat
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from devbench.corpora.archives import Limits, unpack
from devbench.corpora.importing import ImportRequest, import_corpus
from devbench.errors import ConfigurationError, DataError
from helpers.trees import folders_tree, write_sound

Files = dict[str, bytes]


def zipped(path: Path, files: Files, *, mode: int = 0, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            member = zipfile.ZipInfo("x")
            member.filename = member.orig_filename = name
            member.compress_type = method
            member.external_attr = mode << 16
            archive.writestr(member, data)
    return path


def tarred(path: Path, files: Files, *, kind: bytes = tarfile.REGTYPE, link: str = "") -> Path:
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, link
            member.size = len(data) if kind == tarfile.REGTYPE else 0
            archive.addfile(member, io.BytesIO(data))
    return path


def contents(root: Path) -> Files:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def packed(root: Path, path: Path, prefix: str = "") -> Path:
    files = {f"{prefix}{name}": data for name, data in sorted(contents(root).items())}
    return (zipped if path.suffix == ".zip" else tarred)(path, files)


def request(source: Path) -> ImportRequest:
    return ImportRequest(source, source.parent / "data/x", "x", "CC0", "me", layout="folders")


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tgz", "a.tar"])
@pytest.mark.parametrize("prefix", ["", "set-1.0/", "./"])
def test_an_archive_is_its_folder(name: str, prefix: str, tmp_path: Path) -> None:
    root = folders_tree(tmp_path / "in")
    archive = packed(root, tmp_path / name, prefix)
    from_archive = import_corpus(request(archive)).corpus
    direct = import_corpus(
        ImportRequest(root, tmp_path / "data/y", "x", "CC0", "me", layout="folders")
    ).corpus
    assert from_archive.fingerprint == direct.fingerprint
    assert sorted(p.name for p in (tmp_path / "data").iterdir()) == ["x", "y"]


def test_forks_of_macos_are_passed_over(tmp_path: Path) -> None:
    files = contents(folders_tree(tmp_path / "in"))
    forks = {f"__MACOSX/set/._{i}": b"fork" for i in range(3)}
    archive = zipped(tmp_path / "a.zip", {**{f"set/{n}": d for n, d in files.items()}, **forks})
    assert len(import_corpus(request(archive)).corpus.clips) == 24


BOMB = b"\0" * 2**20
HOSTILE: dict[str, Callable[[Path], Path]] = {
    "leads outside": lambda p: zipped(p / "a.zip", {"../evil": b"x"}),
    "leads outside ": lambda p: zipped(p / "a.zip", {"a/../../evil": b"x"}),
    "leads outside  ": lambda p: zipped(p / "a.zip", {"/tmp/evil": b"x"}),
    "leads outside   ": lambda p: zipped(p / "a.zip", {"a\\..\\evil": b"x"}),
    "leads outside    ": lambda p: zipped(p / "a.zip", {"C:/evil": b"x"}),
    "leads outside     ": lambda p: tarred(p / "a.tar.gz", {"../evil": b"x"}),
    "leads outside      ": lambda p: tarred(p / "a.tar", {"/tmp/evil": b"x"}),
    "leads outside       ": lambda p: tarred(p / "a.tar", {"a//b": b"x"}),
    "not printable": lambda p: zipped(p / "a.zip", {"a\0b.wav": b"x"}),
    "not printable ": lambda p: tarred(p / "a.tar", {"a\x1b[2J.wav": b"x"}),
    "too long": lambda p: zipped(p / "a.zip", {"x" * 300: b"x"}),
    "too long ": lambda p: tarred(p / "a.tar", {"x/" * 300 + "y": b"x"}),
    "a link or a device": lambda p: zipped(p / "a.zip", {"l": b"/etc"}, mode=stat.S_IFLNK | 0o777),
    "a link or a device ": lambda p: tarred(
        p / "a.tar", {"l": b""}, kind=tarfile.SYMTYPE, link="/etc"
    ),
    "a link or a device  ": lambda p: tarred(
        p / "a.tar.gz", {"l": b""}, kind=tarfile.LNKTYPE, link="../../x"
    ),
    "a link or a device   ": lambda p: tarred(p / "a.tar", {"l": b""}, kind=tarfile.CHRTYPE),
    "a link or a device    ": lambda p: tarred(p / "a.tar", {"l": b""}, kind=tarfile.FIFOTYPE),
    "differ in case": lambda p: zipped(p / "a.zip", {"A.wav": b"x", "a.wav": b"y"}),
    "differ in case ": lambda p: tarred(p / "a.tar", {"caf\u00e9": b"x", "cafe\u0301": b"y"}),
    "is also a folder": lambda p: zipped(p / "a.zip", {"a": b"x", "a/b": b"y"}),
    "times its size": lambda p: zipped(p / "a.zip", {f"{i}.wav": BOMB for i in range(40)}),
    "times its size ": lambda p: tarred(p / "a.tar.gz", {f"{i}.wav": BOMB for i in range(40)}),
    "otherwise than by deflate": lambda p: zipped(
        p / "a.zip", {"a": b"x"}, method=zipfile.ZIP_LZMA
    ),
    "otherwise than by deflate ": lambda p: zipped(
        p / "a.zip", {"a": b"x"}, method=zipfile.ZIP_BZIP2
    ),
    "no file in it": lambda p: zipped(p / "a.zip", {}),
    "no file in it ": lambda p: tarred(p / "a.tar", {}),
}


@pytest.mark.parametrize("words", HOSTILE)
def test_a_hostile_archive_is_refused_and_nothing_is_left(words: str, tmp_path: Path) -> None:
    (tmp_path / "box").mkdir()
    archive = HOSTILE[words](tmp_path / "box")
    with pytest.raises(DataError) as error:
        import_corpus(request(archive))
    assert words.strip() in error.value.what
    assert error.value.what.startswith(str(archive)) and "\n" not in error.value.what
    assert sorted(p.name for p in tmp_path.iterdir()) == ["box"]
    assert {p.name for p in (tmp_path / "box").iterdir()} == {archive.name, "data"}
    assert list((tmp_path / "box/data").iterdir()) == []


def test_limits_of_number_and_size_hold(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {f"{i}.wav": b"abcd" for i in range(5)})
    for name, limits, words in (
        ("n", Limits(n_members=4), "more than 4 members"),
        ("b", Limits(n_bytes=12), "more than 12 bytes unpacked"),
        ("m", Limits(member_bytes=3), "4 bytes are more than 3"),
    ):
        (tmp_path / name).mkdir()
        with pytest.raises(DataError, match=words):
            unpack(archive, tmp_path / name, limits)
    (tmp_path / "ok").mkdir()
    assert unpack(archive, tmp_path / "ok") == 5


def test_a_header_that_claims_gigabytes_costs_no_memory(tmp_path: Path) -> None:
    """A pax header is read whole before anything else can refuse it."""
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 2**32
    data = header.tobuf(tarfile.USTAR_FORMAT)
    with gzip.open(tmp_path / "a.tar.gz", "wb", 1) as file:
        file.write(data + b"\0" * 2**23)
    (tmp_path / "out").mkdir()
    with pytest.raises(DataError, match=r"damaged .*claims more than 2 MiB"):
        unpack(tmp_path / "a.tar.gz", tmp_path / "out")


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tar"])
def test_a_damaged_archive_is_one_clear_line(name: str, tmp_path: Path) -> None:
    root = folders_tree(tmp_path / "in", n_events=2)
    whole = packed(root, tmp_path / name).read_bytes()
    clean = import_corpus(request(tmp_path / name)).corpus.fingerprint
    rng = random.Random(0)
    n_refused = 0
    for number in range(16):
        data = bytearray(whole)
        if number % 2:
            del data[rng.randrange(len(data) // 2) :]
        else:
            for _ in range(8):
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        folder = tmp_path / f"try{number}"
        folder.mkdir()
        (folder / name).write_bytes(data)
        try:
            found = import_corpus(request(folder / name)).corpus.fingerprint
        except (DataError, ConfigurationError) as error:
            n_refused += 1
            assert "\n" not in error.what and str(folder) in error.what
            assert not any((folder / "data").iterdir())
        else:  # plain tar has no checksum of its own; zip and gzip have
            assert name == "a.tar" or found == clean
    assert n_refused >= 6


@pytest.mark.parametrize("place", ["/{0}/secret.wav", "../../../secret.wav"])
def test_a_table_in_an_archive_names_no_file_outside(place: str, tmp_path: Path) -> None:
    write_sound(tmp_path / "secret.wav", 1)
    write_sound(tmp_path / "own.wav", 2)
    path = place.format(str(tmp_path).lstrip("/"))
    table = f"path,device,label,event_id\nown.wav,a,dog,e\n{path},b,dog,e\n"
    files = {"own.wav": (tmp_path / "own.wav").read_bytes(), "manifest.csv": table.encode()}
    asked = replace(request(zipped(tmp_path / "a.zip", files)), layout="manifest")
    with pytest.raises(ConfigurationError, match="line 3: column 'path'"):
        import_corpus(asked)
    assert not any(p.suffix in (".wav", ".flac") for p in (tmp_path / "data").rglob("*"))


def test_another_file_is_no_archive(tmp_path: Path) -> None:
    for name, data in (("a.zip", b"PK"), ("a.tar.gz", b"\x1f\x8b"), ("a.tar", b"tar"),
                       ("b.tgz", os.urandom(5000)), ("b.zip", b"")):  # fmt: skip
        (tmp_path / name).write_bytes(data)
        with pytest.raises(DataError, match=r"archive|no file"):
            import_corpus(request(tmp_path / name))


def test_complaints_about_members_name_the_archive(tmp_path: Path) -> None:
    root = folders_tree(tmp_path / "in")
    write_sound(root / "watch/door/more/x.wav", 1)
    archive = packed(root, tmp_path / "a.zip")
    with pytest.raises(ConfigurationError, match=r"a\.zip/watch/door/more: a folder inside"):
        import_corpus(request(archive))
