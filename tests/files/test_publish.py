"""Files are whole or absent; JSON and TOML are read strictly; a full disk is one clear error."""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devbench import files
from devbench.errors import ConfigurationError, DataError, RunError
from devbench.files import (
    canonical_json,
    parse_json,
    pretty_json,
    publish,
    publish_file,
    read_bytes,
    read_json,
    read_toml,
    sha256_bytes,
    sha256_file,
)


def test_publish_writes_the_bytes_and_makes_the_folder(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file.json"
    publish(path, b"\x00whole\n")
    assert path.read_bytes() == b"\x00whole\n"
    assert [p.name for p in path.parent.iterdir()] == ["file.json"]


def test_the_first_writer_wins_unless_replace(tmp_path: Path) -> None:
    path = tmp_path / "file"
    publish(path, b"first")
    publish(path, b"second")
    assert path.read_bytes() == b"first"
    publish(path, b"third", replace=True)
    assert path.read_bytes() == b"third"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_of_many_writers_one_wins_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "file"
    offers = [bytes([65 + n]) * 100_000 for n in range(16)]
    start = threading.Barrier(len(offers))

    def write(data: bytes) -> None:
        start.wait()
        publish(path, data)

    threads = [threading.Thread(target=write, args=(data,)) for data in offers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() in offers
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_readers_see_the_old_or_the_new_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    versions = [bytes([65 + n]) * 200_000 for n in range(20)]
    publish(path, versions[0])
    seen: list[bytes] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.append(path.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for data in versions:
        publish(path, data, replace=True)
    done.set()
    reader.join()
    assert seen and set(seen) <= set(versions)


def test_publish_file_moves(tmp_path: Path) -> None:
    source, path = tmp_path / "made", tmp_path / "store" / "file"
    source.write_bytes(b"one")
    publish_file(source, path)
    assert path.read_bytes() == b"one" and not source.exists()
    source.write_bytes(b"two")
    publish_file(source, path)
    assert path.read_bytes() == b"one" and not source.exists()
    source.write_bytes(b"three")
    publish_file(source, path, replace=True)
    assert path.read_bytes() == b"three" and not source.exists()
    with pytest.raises(FileNotFoundError):
        publish_file(tmp_path / "nothing", tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_a_file_is_flushed_before_it_gets_its_name_and_the_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    steps: list[str] = []
    flush, link, replace = os.fsync, os.link, Path.replace

    def fsync(handle: int) -> None:
        is_folder = os.path.isdir(f"/proc/self/fd/{handle}")  # noqa: PTH112
        steps.append("flush folder" if is_folder else "flush file")
        assert path.exists() == is_folder
        flush(handle)

    def linked(*names: Any) -> None:
        steps.append("name")
        link(*names)

    def replaced(self: Path, target: Path) -> Path:
        steps.append("name")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "link", linked)
    monkeypatch.setattr(Path, "replace", replaced)
    publish(path, b"x")
    assert steps == ["flush file", "name", "flush folder"]
    path.unlink()
    steps.clear()
    publish(path, b"x", replace=True)
    assert steps == ["flush file", "name", "flush folder"]


def failing(number: int, wanted: Callable[..., bool] = lambda *_: True) -> Callable[..., Any]:
    def fail(*arguments: Any, **_: Any) -> Any:
        raise OSError(number, os.strerror(number), str(arguments[0]))

    return fail


PLACES = {
    "fsync": (os, "fsync"),
    "link": (os, "link"),
    "open": (Path, "open"),
    "mkdir": (Path, "mkdir"),
}
ERRNOS = {
    errno.ENOSPC: (RunError, "the disk is full"),
    errno.EDQUOT: (RunError, "the disk is full"),
    errno.EACCES: (DataError, "Permission denied"),
    errno.EROFS: (DataError, "Read-only file system"),
    errno.ENOTDIR: (DataError, "Not a directory"),
    errno.ENAMETOOLONG: (DataError, "File name too long"),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("number", ERRNOS, ids=errno.errorcode.get)
def test_a_disk_that_refuses_is_one_clear_error_and_leaves_nothing(
    place: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, words = ERRNOS[number]
    path = tmp_path / "new" / "file"
    if place != "mkdir":
        path.parent.mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(*PLACES[place], failing(number))
        with pytest.raises(kind, match=words) as caught:
            publish(path, b"x")
    assert isinstance(caught.value, (RunError, DataError))
    assert repr(str(path)) in caught.value.what and caught.value.fix
    if isinstance(caught.value, RunError):
        assert caught.value.state == "disk"
    assert not path.exists()
    assert not path.parent.exists() or list(path.parent.iterdir()) == []
    publish(path, b"x")  # and when the disk has room again, it works
    assert path.read_bytes() == b"x"


def test_a_full_disk_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    publish(path, b"old")
    monkeypatch.setattr(os, "fsync", failing(errno.ENOSPC))
    with pytest.raises(RunError):
        publish(path, b"new", replace=True)
    assert path.read_bytes() == b"old"
    source = tmp_path / "made"
    source.write_bytes(b"new")
    with pytest.raises(RunError):
        publish_file(source, path, replace=True)
    assert path.read_bytes() == b"old"


def test_other_faults_of_a_disk_are_not_dressed_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", failing(errno.EIO))
    with pytest.raises(OSError, match="Input/output error"):
        publish(tmp_path / "file", b"x")
    assert list(tmp_path.iterdir()) == []


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("")
    with pytest.raises(DataError, match="cannot write"):
        publish(tmp_path / "store" / "record.json", b"x")
    with pytest.raises(DataError, match="Not a directory"):
        read_bytes(tmp_path / "store" / "record.json")


def test_long_names_fit(tmp_path: Path) -> None:
    publish(tmp_path / ("n" * 250), b"x")
    assert [len(p.name) for p in tmp_path.iterdir()] == [250]


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(value=VALUES)
def test_json_comes_back_as_it_was_written(value: Any) -> None:
    for write in (canonical_json, pretty_json):
        data = write(value)
        assert parse_json(data, origin="x") == value
        assert write(parse_json(data, origin="x")) == data
    assert sha256_bytes(canonical_json(value)) == sha256_bytes(canonical_json(value))


@given(entries=st.dictionaries(st.text(), VALUES, max_size=6))
def test_canonical_json_does_not_depend_on_order(entries: dict[str, Any]) -> None:
    assert canonical_json(dict(reversed(entries.items()))) == canonical_json(entries)


def test_canonical_json_is_fixed_for_ever() -> None:
    value = {"b": [1, 2.5, None, True], "a": "ü\n\x00"}
    assert canonical_json(value) == '{"a":"ü\\n\\u0000","b":[1,2.5,null,true]}'.encode()
    assert pretty_json({"a": 1}) == b'{\n  "a": 1\n}\n'


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), "\ud800"])
def test_what_is_no_json_is_not_written(value: object) -> None:
    for write in (canonical_json, pretty_json):
        with pytest.raises(ValueError):
            write({"a": [value]})


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'{"a": 1, "a": 2}', "key 'a' stands twice"),
        (b'[{"b": {"c": 1, "d": 2, "c": 1}}]', "key 'c' stands twice"),
        (b'{"\\u0061": 1, "a": 2}', "key 'a' stands twice"),
        (b"[NaN]", "NaN is no JSON number"),
        (b"[-Infinity]", "-Infinity is no JSON number"),
        (b"\xff\xfe[\x001\x00]\x00", "utf-8"),
        (b"\xef\xbb\xbf{}", "line 1, column 1"),
        (b'"\xed\xa0\x80"', "utf-8"),
        (b"", "line 1, column 1"),
        (b'{"a": 1\n "b": 2}', "line 2, column 2"),
        (b"{'a': 1}", "line 1, column 2"),
        (b"[1,]", "line 1"),
        (b"{} {}", "Extra data"),
        (b'"a\nb"', "Invalid control character"),
        (b"[" * 100_000, "recursion|nested"),
        (b'{"a":' * 100_000, "recursion|nested"),
        (b"[" + b"9" * 5000 + b"]", "4300 digits"),
    ],
    ids=lambda v: repr(v[:16]),
)
def test_what_is_no_strict_json_is_refused_with_its_place(data: bytes, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        parse_json(data, origin="store/x.json")
    assert caught.value.what.startswith("store/x.json: ")
    assert len(caught.value.what) < 300 and caught.value.fix


def test_a_huge_file_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_JSON_BYTES", 10)
    assert parse_json(b"[1, 2, 3 ]", origin="x") == [1, 2, 3]
    with pytest.raises(DataError, match="11 bytes are more than the 10"):
        parse_json(b"[1, 2, 3  ]", origin="x")


@pytest.mark.parametrize(
    "data",
    [
        b'["\\ud800"]',
        b'{"\\uDFFF": 1}',
        b'["\\\\u0020 \\ude00\\ud83d"]',
        b'{"a": {"b": ["\\udc00"]}}',
    ],
)
def test_half_a_surrogate_pair_is_refused(data: bytes) -> None:
    """JSON allows the escape, and UTF-8 has no bytes for it: it could not be hashed or shown."""
    with pytest.raises(DataError, match="surrogates not allowed"):
        parse_json(data, origin="x")


def test_whole_surrogate_pairs_and_escaped_backslashes_are_read() -> None:
    data = b'["\\ud83d\\ude00", "\\\\ud800"]'
    assert parse_json(data, origin="x") == ["\U0001f600", "\\ud800"]


@settings(max_examples=300, deadline=None)
@given(
    data=st.binary(max_size=60) | st.text(alphabet='{}[]",:0123456789eE+-.ntfu\\ ').map(str.encode)
)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        value = parse_json(data, origin="x")
    except DataError as error:
        assert error.what.startswith("x: ")
    else:
        assert value == json.loads(data)


def test_read_json_and_hashes_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with pytest.raises(DataError, match=r"a\.json': No such file"):
        read_json(path)
    path.write_bytes(b"{")
    with pytest.raises(DataError, match=r"a\.json: line 1, column 2"):
        read_json(path)
    path.write_bytes(b"abc")
    assert sha256_file(path) == sha256_bytes(b"abc")
    assert sha256_bytes(b"abc").startswith("ba7816bf8f01cfea")  # FIPS 180-2, appendix B.1
    with pytest.raises(DataError, match="Is a directory"):
        read_bytes(tmp_path)


def test_a_toml_file_larger_than_any_of_ours_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(b"a = 1\n")
    monkeypatch.setattr(files, "MAX_TOML_BYTES", 6)
    assert read_toml(path) == {"a": 1}
    monkeypatch.setattr(files, "MAX_TOML_BYTES", 5)
    with pytest.raises(ConfigurationError, match=r"a\.toml: more than 5 bytes"):
        read_toml(path)
    assert read_bytes(path, at_most=2) == b"a ="  # one more, which tells that there is more


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"a = 1\nb = \n", "line 2"),
        (b"a = 1\na = 2\n", "line 2"),
        (b"a = 0123", "line 1"),
        (b"a = 2021-02-30", "line 1"),
        (b"\xff", "utf-8"),
        (b"a = " + b"9" * 5000, "4300 digits"),
        (b"a = " + b"[" * 100_000, "recursion"),
        (b"a" + b".a" * 50 + b" = \x00", "line 1"),
    ],
    ids=lambda v: repr(v[:16]),
)
def test_toml_is_refused_with_file_and_place(data: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "b.toml"
    path.write_bytes(data)
    with pytest.raises(ConfigurationError, match=words) as caught:
        read_toml(path)
    assert caught.value.what.startswith(f"{path}: ")
