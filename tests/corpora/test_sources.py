"""Published data sets as events of `data build`: ESC-50, ESC-10 and the dry sources of RWCP."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from devbench.corpora.build import BuildRequest, build_corpus
from devbench.corpora.sources import CLIP_LAYOUTS, clip_table
from devbench.errors import ConfigurationError, DevbenchError
from helpers.tables import RATE_HZ, Inputs, read_rows, write_table
from helpers.trees import write_sound

ESC = (
    ("1-100032-A-0.wav", 1, 0, "dog", "True", "100032", "A"),
    ("1-100032-A-3.wav", 1, 3, "cow", "False", "100032", "A"),
    ("2-100038-A-14.wav", 2, 14, "chirping_birds", "False", "100038", "A"),
    ("2-100210-B-10.wav", 2, 10, "rain", "True", "100210", "B"),
)
COLUMNS = ("filename", "fold", "target", "category", "esc10", "src_file", "take")


@pytest.fixture
def esc(tmp_path: Path) -> Path:
    root = tmp_path / "ESC-50-master"
    for seed, (name, *_) in enumerate(ESC):
        write_sound(root / "audio" / name, seed, rate_hz=RATE_HZ, n_samples=4000)
    write_table(root / "meta/esc50.csv", [dict(zip(COLUMNS, row, strict=True)) for row in ESC])
    return root


@pytest.fixture
def rwcp(tmp_path: Path) -> Path:
    root = tmp_path / "rwcp"
    for seed, place in enumerate(("a1/cherry1/48khz/000", "a1/cherry1/48khz/001", "b2/bell2/000")):
        write_sound(root / f"{place}.wav", seed, rate_hz=RATE_HZ, n_samples=4000)
    (root / "readme.txt").write_text("x")
    return root


def request(inputs: Inputs, root: Path, layout: str) -> BuildRequest:
    out = root.parent / "data" / layout
    return BuildRequest(root, inputs.devices, out, role="core", name=layout, layout=layout)


def test_esc50_keeps_folds_classes_and_source_recordings(inputs: Inputs, esc: Path) -> None:
    corpus = build_corpus(request(inputs, esc, "esc50")).corpus
    assert {(c.event_id, c.label, c.fold, c.group) for c in corpus.clips} == {
        ("100032-A-0", "dog", 1, "100032"),
        ("100032-A-3", "cow", 1, "100032"),
        ("100038-A-14", "chirping-birds", 2, "100038"),
        ("100210-B-10", "rain", 2, "100210"),
    }


def test_esc10_is_its_part_of_esc50(inputs: Inputs, esc: Path) -> None:
    corpus = build_corpus(request(inputs, esc, "esc10")).corpus
    assert {c.label for c in corpus.clips} == {"dog", "rain"}


def test_rwcp_classes_are_folders_whatever_lies_between(inputs: Inputs, rwcp: Path) -> None:
    corpus = build_corpus(request(inputs, rwcp, "rwcp")).corpus
    assert {(c.event_id, c.label, c.group) for c in corpus.clips} == {
        ("cherry1-000", "cherry1", "cherry1-000"),
        ("cherry1-001", "cherry1", "cherry1-001"),
        ("bell2-000", "bell2", "bell2-000"),
    }


def test_what_is_no_such_data_set_is_named(inputs: Inputs, esc: Path, rwcp: Path) -> None:
    for layout, root, words in (
        ("esc50", rwcp, "no meta/esc50.csv"),
        ("esc50", rwcp / "readme.txt", "is no folder"),
        ("table", esc, "no table of clips"),
        ("rwcp", esc / "meta", "no sound in"),
    ):
        with pytest.raises(DevbenchError, match=words):
            build_corpus(request(inputs, root, layout))
    assert set(CLIP_LAYOUTS) == {"table", "esc50", "esc10", "rwcp"}


@pytest.mark.parametrize(
    ("column", "value", "fix"),
    [("esc10", "yes", "True or False"), ("filename", "../x.wav", "a file in audio/"),
     ("fold", "", "printable"), ("filename", "none.wav", "a file that exists")],
)  # fmt: skip
def test_a_wrong_row_of_esc50_is_named(
    column: str, value: str, fix: str, inputs: Inputs, esc: Path
) -> None:
    rows = read_rows(esc / "meta/esc50.csv")
    rows[2][column] = value
    write_table(esc / "meta/esc50.csv", [dict(row) for row in rows])
    with pytest.raises(ConfigurationError, match=r"esc50\.csv: line 4") as error:
        build_corpus(request(inputs, esc, "esc50"))
    assert fix in error.value.fix


def test_esc10_of_a_table_without_it_is_refused(esc: Path) -> None:
    rows = [{**row, "esc10": "False"} for row in read_rows(esc / "meta/esc50.csv")]
    write_table(esc / "meta/esc50.csv", rows)
    with pytest.raises(ConfigurationError, match="no row has esc10 True"):
        clip_table("esc10", esc)


@pytest.mark.parametrize(
    ("place", "words"),
    [("a1/cherry1/16khz/000.wav", "is 'cherry1-000' already"), ("000.wav", "outside the folder"),
     ("48k/000.wav", "outside the folder"), ("b2/bell2/001.raw", "rate or byte order")],
)  # fmt: skip
def test_what_does_not_fit_the_tree_of_rwcp_is_named(
    place: str, words: str, inputs: Inputs, rwcp: Path
) -> None:
    write_sound(rwcp / "x.wav", 50)
    (rwcp / place).parent.mkdir(parents=True, exist_ok=True)
    (rwcp / "x.wav").rename(rwcp / place)
    with pytest.raises(DevbenchError, match=words) as error:
        build_corpus(replace(request(inputs, rwcp, "rwcp")))
    assert str(rwcp / place) in error.value.what
