"""Benchmarks by name or path, and files that were damaged: one clear error each, never another."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devbench.benchmark.load import benchmark_names, load_benchmark
from devbench.corpora.header import CorpusHeader, header_toml, read_header
from devbench.corpora.manifest import open_corpus
from devbench.errors import ConfigurationError, DataError, DevbenchError, UnknownNameError
from devbench.plugin_kit.tiny import BENCHMARK, make_benchmark
from devbench.results.record import parse_record
from helpers.records import make_run

QUIET = settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
RECORD = make_run().record
# fmt: off
PIECES = [b"\x00", b"\xff", b"\xed\xa0\x80", b'"', b"'", b"=", b"[", b"]", b"{", b"}", b",",
          b"\n", b"\r", b"#", b"-", b"nan", b"inf", b"1e999", b"true", b"null", b"NaN", b"-1", b"0",
          b"0.5",
          b"9" * 5000, b"[" * 3000, b"{\"a\":" * 3000, b"a.b.c = 1\n", b"\\ud800", b"\\u0000",
          b"'''",
          b"1979-05-27", b"x" * 300, b"../../etc", b"\xef\xbb\xbf", b"schema", b"1",
          b"[[devices]]\n"]
# fmt: on


@st.composite
def changes(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """Draw a damage: bytes cut out, put in, replaced, doubled, lines swapped, the end torn off."""
    kinds = ("cut", "insert", "flip", "double", "swap", "tear")
    steps = draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=4))
    seed = draw(st.integers(0, 2**32))

    def damage(data: bytes) -> bytes:
        rng = random.Random(seed)
        for step in steps:
            at = rng.randrange(len(data) + 1)
            to = min(len(data), at + rng.randrange(1, 60))
            lines = data.splitlines(keepends=True)
            if step == "cut":
                data = data[:at] + data[to:]
            elif step == "insert":
                data = data[:at] + rng.choice(PIECES) + data[at:]
            elif step == "flip" and at < len(data):
                data = data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
            elif step == "double":
                data = data[:to] + data[at:]
            elif step == "swap" and lines:
                a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
                lines[a], lines[b] = lines[b], lines[a]
                data = b"".join(lines)
            elif step == "tear":
                data = data[:at]
        return data

    return damage


def require_clear(error: DevbenchError, path: Path | str) -> None:
    assert isinstance(error, (ConfigurationError, DataError))
    assert str(path) in error.what
    assert error.what.strip() and error.fix.strip()
    assert len(error.what) < 1200


@QUIET
@given(damage=changes())
def test_a_damaged_benchmark_is_read_or_refused_by_name(
    damage: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "b.toml"
    path.write_bytes(damage(BENCHMARK.encode()))
    try:
        benchmark = load_benchmark(str(path))
    except DevbenchError as error:
        require_clear(error, path)
    else:
        assert len(benchmark.sha256) == 64  # what is accepted can be hashed and used
        benchmark.features.spec()


@QUIET
@given(
    damage=changes(), name=st.sampled_from(["corpus.toml", "manifest.csv", "responses/phone.csv"])
)
def test_a_damaged_corpus_is_read_or_refused_by_file(
    damage: Callable[[bytes], bytes], name: str, tiny_data: Path, tmp_path: Path
) -> None:
    for file in ("corpus.toml", "manifest.csv", "responses/phone.csv"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        data = (tiny_data / "tiny" / file).read_bytes()
        (tmp_path / file).write_bytes(damage(data) if file == name else data)
    try:
        corpus = open_corpus(tmp_path)
        response = corpus.response("phone")
    except DevbenchError as error:
        # A header that renames a device makes the manifest wrong: either file may be named.
        require_clear(error, tmp_path / name if name != "corpus.toml" else tmp_path)
        if name == "manifest.csv":
            assert re.search(r"line \d+|no clips|two labels", error.what)
    else:
        assert len(corpus.fingerprint) == 64
        assert response is not None or name == "corpus.toml"


@QUIET
@given(damage=changes())
def test_a_damaged_record_is_refused_by_file(damage: Callable[[bytes], bytes]) -> None:
    whole = RECORD.to_json()
    data = damage(whole)
    try:
        record = parse_record(data, origin="records/x.json")
    except DevbenchError as error:
        assert isinstance(error, DataError)
        require_clear(error, "records/x.json")
    else:  # damage in what is not hashed into the run_id, such as `measured`, can go unseen
        assert record.plan == RECORD.plan
        assert record.to_json()


TEXT = st.text(max_size=100).filter(lambda t: all(not 0xD800 <= ord(c) < 0xE000 for c in t))


@QUIET
@given(title=TEXT, citation=TEXT, label=TEXT.map(lambda t: t[:60]))
def test_a_header_is_read_as_it_was_written(
    title: str, citation: str, label: str, tmp_path: Path
) -> None:
    header = CorpusHeader.model_validate(
        {"name": "c", "version": 1, "title": title, "provenance": "measured", "licence": "",
         "citation": citation, "sample_rate_hz": 8000, "devices": [{"id": "d", "label": label,
         "kind": "k", "sample_rate_hz": 8000, "provenance": "measured"}]}
    )  # fmt: skip
    path = tmp_path / "corpus.toml"
    path.write_bytes(header_toml(header).encode())
    assert read_header(path) == header


def test_built_in_benchmarks_load_and_carry_their_file_name() -> None:
    assert "mics7" in benchmark_names()
    for name in benchmark_names():
        assert load_benchmark(name).id == name


def test_by_path_and_by_name(tmp_path: Path) -> None:
    path = make_benchmark(tmp_path / "tiny.toml")
    assert load_benchmark(str(path)).id == "tiny"
    with pytest.raises(UnknownNameError, match="no benchmark named 'mics9'") as caught:
        load_benchmark("mics9")
    assert "'mics7'" in caught.value.fix
    with pytest.raises(UnknownNameError, match=r"no benchmark file 'no\.toml'"):
        load_benchmark("no.toml")
    with pytest.raises(UnknownNameError):
        load_benchmark("../benchmarks/mics7")


@pytest.mark.parametrize(
    ("key", "value", "words", "fix"),
    [
        ("version", '"1"', "version is '1'", "valid integer"),
        ("batch", "0", "budgets.quick.batch is '0'", "greater than or equal to 2"),
        ("scheme", '"clip"', "splits.scheme is 'clip'", "'hash', 'folds' or 'official'"),
        ("fmax_hz", "4100.0", "features is", "fmax_hz <= sample_rate_hz / 2"),
        ("test", "0.3", "splits is", "make it 1"),
    ],
)
def test_what_is_wrong_is_named_with_what_was_expected(
    key: str, value: str, words: str, fix: str, tmp_path: Path
) -> None:
    path = make_benchmark(tmp_path / "bad.toml", **{key: value})
    with pytest.raises(ConfigurationError) as caught:
        load_benchmark(str(path))
    assert str(path) in caught.value.what and words in caught.value.what
    assert fix in caught.value.fix


def test_several_mistakes_are_counted(tmp_path: Path) -> None:
    path = make_benchmark(tmp_path / "bad.toml", version="0", epochs="0", title="1")
    with pytest.raises(ConfigurationError, match=r"\(and 2 more\)"):
        load_benchmark(str(path))


def test_a_corpus_given_by_a_relative_path_is_found_by_workers_too(
    tiny_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny_data)
    assert open_corpus(Path("tiny")) == open_corpus(tiny_data / "tiny")
