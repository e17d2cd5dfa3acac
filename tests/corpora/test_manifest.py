from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devbench.corpora.header import CorpusHeader, header_toml, read_header
from devbench.corpora.manifest import COLUMNS, Corpus, open_corpus, write_corpus
from devbench.errors import ConfigurationError, DataError
from devbench.files import read_toml
from devbench.plugin_kit.tiny import make_corpus

Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return make_corpus(tmp_path_factory.mktemp("corpora") / "tiny")


@pytest.fixture
def corpus(made: Corpus, tmp_path: Path) -> Corpus:
    """Return the corpus without its sound: opening must not need it."""
    folder = tmp_path / "tiny"
    (folder / "responses").mkdir(parents=True)
    for path in (made.folder / "responses").iterdir():
        (folder / "responses" / path.name).write_bytes(path.read_bytes())
    return write_corpus(folder, made.header, made.clips)


def edit(corpus: Corpus, change: Callable[[Rows], object]) -> None:
    path = corpus.folder / "manifest.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    change(rows)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def test_what_is_written_is_read(corpus: Corpus, made: Corpus) -> None:
    opened = open_corpus(corpus.folder)
    assert opened.clips == made.clips
    assert opened.header == made.header
    assert opened.fingerprint == corpus.fingerprint == made.fingerprint
    assert [device.id for device in opened.devices] == ["phone", "tablet", "watch"]
    response = opened.response("tablet")
    assert response is not None
    assert response.provenance == "simulated"


def test_the_fingerprint_sees_every_part(corpus: Corpus) -> None:
    seen = {corpus.fingerprint}
    clips = list(corpus.clips)
    other = [replace(clips[0], sha256="0" * 64), *clips[1:]]
    seen.add(write_corpus(corpus.folder, corpus.header, other).fingerprint)
    seen.add(write_corpus(corpus.folder, corpus.header, clips[:-1]).fingerprint)
    newer = corpus.header.model_copy(update={"version": 2})
    seen.add(write_corpus(corpus.folder, newer, clips).fingerprint)
    (corpus.folder / "responses/phone.csv").write_text("freq_hz,gain_db\n100,0\n1000,0\n")
    seen.add(open_corpus(corpus.folder).fingerprint)
    assert len(seen) == 5


def test_the_fingerprint_forgets_the_order_of_rows(corpus: Corpus) -> None:
    edit(corpus, lambda rows: rows.reverse())
    again = open_corpus(corpus.folder)
    assert again.fingerprint == corpus.fingerprint
    assert again.clips == corpus.clips


def test_a_device_may_have_no_response(corpus: Corpus) -> None:
    (corpus.folder / "responses/watch.csv").unlink()
    assert open_corpus(corpus.folder).response("watch") is None


def set_cell(row: int, column: str, value: str) -> Callable[[Rows], None]:
    def change(rows: Rows) -> None:
        rows[row][column] = value

    return change


@pytest.mark.parametrize(
    ("change", "where", "error_type"),
    [
        (set_cell(3, "device", "radio"), "line 5: device is 'radio'", ConfigurationError),
        (set_cell(3, "label", "Hum!"), "line 5: label is 'Hum!'", ConfigurationError),
        (set_cell(3, "clip_id", ""), "line 5: clip_id is ''", ConfigurationError),
        (set_cell(3, "group", "a\x1b[31m"), "line 5: group is", ConfigurationError),
        (set_cell(3, "event_id", "x" * 201), "line 5: event_id is", ConfigurationError),
        (set_cell(3, "path", "../up.flac"), "line 5: path is", ConfigurationError),
        (set_cell(3, "path", "/etc/passwd"), "line 5: path is", ConfigurationError),
        (set_cell(3, "path", "a\\b.flac"), "line 5: path is", ConfigurationError),
        (set_cell(3, "path", ""), "line 5: path is ''", ConfigurationError),
        (set_cell(3, "sha256", "F" * 64), "line 5: sha256 is", ConfigurationError),
        (set_cell(3, "n_samples", "0"), "line 5: n_samples is '0'", ConfigurationError),
        (set_cell(3, "n_samples", "²"), "line 5: n_samples is", ConfigurationError),
        (set_cell(3, "fold", "-1"), "line 5: fold is '-1'", ConfigurationError),
        (lambda rows: rows.append(rows[0]), "stands twice", ConfigurationError),
        (lambda rows: rows.append({**rows[0], "clip_id": "other"}), "was recorded twice by",
         ConfigurationError),
        (lambda rows: rows.clear(), "no clips", DataError),
    ],
)  # fmt: skip
def test_a_wrong_row_is_named(
    corpus: Corpus, change: Callable[[Rows], None], where: str, error_type: type[Exception]
) -> None:
    edit(corpus, change)
    with pytest.raises(error_type) as error:
        open_corpus(corpus.folder)
    assert "manifest.csv" in str(error.value)
    assert where in str(error.value)


@pytest.mark.parametrize(("column", "value"), [("label", "tick"), ("group", "g"), ("fold", "3")])
def test_an_event_has_one_label_one_group_one_fold(corpus: Corpus, column: str, value: str) -> None:
    edit(corpus, set_cell(0, column, value))
    with pytest.raises(ConfigurationError, match="has two labels, groups or folds"):
        open_corpus(corpus.folder)


def test_columns_may_be_moved_and_added_but_not_missing(corpus: Corpus) -> None:
    path = corpus.folder / "manifest.csv"
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    path.write_text("\n".join(",".join(["note", *reversed(row)]) for row in rows) + "\n\n")
    assert open_corpus(corpus.folder).fingerprint == corpus.fingerprint
    path.write_text(path.read_text() + "too,short\n")
    with pytest.raises(ConfigurationError, match="2 cells where the header has 10"):
        open_corpus(corpus.folder)
    path.write_text("clip_id,event_id\n")
    with pytest.raises(ConfigurationError, match="line 1: column 'device' is missing"):
        open_corpus(corpus.folder)


def test_a_missing_manifest_and_a_missing_header_are_named(corpus: Corpus) -> None:
    (corpus.folder / "manifest.csv").unlink()
    with pytest.raises(DataError, match=r"manifest\.csv"):
        open_corpus(corpus.folder)
    (corpus.folder / "corpus.toml").unlink()
    with pytest.raises(DataError, match="no corpus in") as error:
        open_corpus(corpus.folder)
    assert "devbench data build" in error.value.fix


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("colour = 'red'\n", "unknown key 'colour'"),
        ("version = '1'\n", "version is '1'"),
        ("version = = 1\n", "line"),
    ],
)
def test_a_wrong_header_is_named(corpus: Corpus, line: str, message: str) -> None:
    path = corpus.folder / "corpus.toml"
    text = path.read_text()
    is_replaced = line.startswith("version")
    path.write_text(text.replace("version = 1\n", line) if is_replaced else line + text)
    with pytest.raises(ConfigurationError, match=r"corpus\.toml") as error:
        open_corpus(corpus.folder)
    assert message in str(error.value)


def test_a_device_stands_once(corpus: Corpus) -> None:
    path = corpus.folder / "corpus.toml"
    text = path.read_text()
    path.write_text(text + text[text.index("[[devices]]") :])
    with pytest.raises(ConfigurationError, match="stands twice"):
        open_corpus(corpus.folder)


def test_letters_of_another_encoding_are_refused_and_a_byte_order_mark_is_not(
    corpus: Corpus,
) -> None:
    path = corpus.folder / "manifest.csv"
    data = path.read_bytes()
    path.write_bytes(b"\xef\xbb\xbf" + data)
    assert open_corpus(corpus.folder).clips == corpus.clips
    path.write_bytes(data.replace(corpus.clips[0].event_id.encode(), b"\xe8", 1))
    with pytest.raises(ConfigurationError, match="no UTF-8 text"):
        open_corpus(corpus.folder)


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=100)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(title=words, licence=words, citation=words, label=words)
def test_any_text_survives_the_header(tmp_path: Path, **texts: Any) -> None:
    label = texts.pop("label")
    device: dict[str, Any] = {
        "id": "a", "label": label, "kind": "k", "sample_rate_hz": 8000, "provenance": "measured"
    }  # fmt: skip
    header = CorpusHeader.model_validate(
        {"name": "x", "version": 1, "provenance": "measured", "sample_rate_hz": 8000,
         "devices": [device], **texts}
    )  # fmt: skip
    path = tmp_path / "corpus.toml"
    path.write_bytes(header_toml(header).encode())
    assert read_header(path) == header
    assert read_toml(path)["schema"] == 1
