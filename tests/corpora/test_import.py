from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from devbench.audio.files import decode
from devbench.corpora import importing, tables
from devbench.corpora.check import check_corpus
from devbench.corpora.importing import ImportRequest
from devbench.corpora.manifest import Corpus
from devbench.errors import ConfigurationError, DataError
from helpers.tables import LENGTH, RATE_HZ, burst, read_rows, write_table

Change = Callable[..., None]


@pytest.fixture
def request_(recordings: Path, tmp_path: Path) -> ImportRequest:
    return ImportRequest(recordings, tmp_path / "data/mine", "mine", "CC0", "me, 2024")


def import_corpus(request: ImportRequest, *, jobs: int = 1) -> Corpus:
    return importing.import_corpus(request, jobs=jobs).corpus


def bytes_of(corpus: Corpus, event_id: str, device: str) -> bytes:
    clip = next(c for c in corpus.clips if (c.event_id, c.device) == (event_id, device))
    return (corpus.folder / clip.path).read_bytes()


def test_mono_files_are_copied_byte_for_byte(request_: ImportRequest) -> None:
    corpus = import_corpus(request_)
    assert corpus.header.provenance == "measured"
    assert (corpus.header.licence, corpus.header.citation) == ("CC0", "me, 2024")
    assert [(d.id, d.kind, d.sample_rate_hz) for d in corpus.devices] == [
        ("iphone14", "phone", RATE_HZ),
        ("lggram", "laptop", RATE_HZ),
    ]
    assert len(corpus.clips) == 8
    for row in read_rows(request_.source):
        original = (request_.source.parent / row["path"]).read_bytes()
        assert bytes_of(corpus, row["event_id"], row["device"]) == original
    assert all(clip.group == clip.event_id and clip.fold == 0 for clip in corpus.clips)
    stems = {Path(clip.path).stem for clip in corpus.clips}
    assert len(stems) == 4  # one name an event, and it says nothing
    assert all(len(stem) == 16 and set(stem) <= set("0123456789abcdef") for stem in stems)


def test_processes_and_row_order_do_not_matter(request_: ImportRequest) -> None:
    one = import_corpus(request_, jobs=1)
    rows = read_rows(request_.source)
    write_table(request_.source, [dict(rows[i]) for i in (0, 7, 6, 5, 4, 3, 2, 1)])
    two = import_corpus(replace(request_, out=request_.out.with_name("two")), jobs=2)
    assert two.fingerprint == one.fingerprint


def test_groups_folds_and_labels_are_taken(request_: ImportRequest) -> None:
    rows = [
        {**row, "group": f"room{room}", "fold": room, "device_label": f"My {row['device']}"}
        for row in read_rows(request_.source)
        for room in [int(row["event_id"][1]) // 2]
    ]  # fmt: skip
    write_table(request_.source, rows)
    corpus = import_corpus(request_)
    assert {(c.event_id, c.group, c.fold) for c in corpus.clips} == {
        ("e0", "room0", 0), ("e1", "room0", 0), ("e2", "room1", 1), ("e3", "room1", 1)
    }  # fmt: skip
    assert corpus.devices[1].label == "My lggram"


@pytest.mark.parametrize(("subtype", "suffix"), [("PCM_16", "f"), ("PCM_24", "f"), ("FLOAT", "R")])
@pytest.mark.parametrize("channel", ["first", "mix"])
def test_channels_are_taken_as_declared(
    request_: ImportRequest, subtype: str, suffix: str, channel: str
) -> None:
    path = request_.source.parent / "lggram-0.wav"
    left, right = burst(50), burst(51)
    left[0], left[1] = 1.0, -1.0  # both ends of the scale
    soundfile.write(path, np.stack([left, right], axis=1), RATE_HZ, subtype=subtype)
    with pytest.raises(DataError, match=r"lggram-0\.wav: 2 channels") as error:
        import_corpus(request_)
    assert "--channel first" in error.value.fix
    corpus = import_corpus(replace(request_, channel=channel))
    stored = bytes_of(corpus, "e0", "lggram")
    assert chr(stored[0]) == suffix
    samples, _ = decode(stored, origin="stored")
    given = decode(path.read_bytes(), origin="given")[0]
    if channel == "first":
        assert np.array_equal(samples[0], given[0])  # not one bit changes
    else:
        assert np.max(np.abs(samples[0] - given.mean(axis=0))) <= 2**-16
    assert f"1 files made mono (channel: {channel})" in corpus.header.citation


def test_another_rate_needs_to_be_asked_for(request_: ImportRequest) -> None:
    path = request_.source.parent / "lggram-0.wav"
    soundfile.write(path, burst(60, 8000), 16_000, subtype="PCM_16")
    with pytest.raises(DataError, match=r"lggram-0\.wav: 16000 Hz where"):
        import_corpus(request_)
    corpus = import_corpus(replace(request_, rate_hz=RATE_HZ))
    clip = next(c for c in corpus.clips if (c.event_id, c.device) == ("e0", "lggram"))
    assert clip.n_samples == pytest.approx(LENGTH, abs=1)
    assert "1 files converted to 22050 Hz (soxr HQ)" in corpus.header.citation


def test_what_flac_cannot_hold_becomes_wav(request_: ImportRequest) -> None:
    corpus = import_corpus(replace(request_, rate_hz=100_001))
    assert corpus.header.sample_rate_hz == 100_001
    assert {Path(clip.path).suffix for clip in corpus.clips} == {".wav"}


@pytest.mark.parametrize(
    ("row", "column", "value", "where", "expected"),
    [
        (0, "path", "none.wav", "line 2: column 'path'", "a file that exists"),
        (3, "path", "lggram-0.wav", "line 5: column 'path'", "line 3 names it too"),
        (0, "device", "iPhone 14", "line 2: column 'device'", "lower-case words"),
        (0, "label", "Dog!", "line 2: column 'label'", "lower-case words"),
        (1, "label", "cat", "line 3: column 'label'", "'dog' as in line 2"),
        (0, "event_id", "", "line 2: column 'event_id'", "printable"),
        (2, "event_id", "e0", "line 4: column 'event_id'", "line 2 has 'e0' by 'iphone14'"),
        (2, "device_kind", "brick", "line 4: column 'device_kind'", "'phone' as in line 2"),
    ],
)
def test_a_wrong_row_is_named(
    request_: ImportRequest, change: Change, row: int, column: str, value: str, where: str,
    expected: str,
) -> None:  # fmt: skip
    change(request_.source, row, column, value)
    with pytest.raises(ConfigurationError) as error:
        import_corpus(request_)
    assert f"manifest.csv: {where}" in error.value.what
    assert expected in error.value.fix


@pytest.mark.parametrize(
    ("columns", "where"),
    [
        ({"fold": ["0", "0", "1", "1", "0", "0", "0", "0"], "group": ["g"] * 8}, "line 4"),
        ({"fold": ["0", "1", "0", "0", "0", "0", "0", "0"]}, "line 3"),
        ({"fold": ["-1"] * 8}, "line 2"),
    ],
)
def test_folds_that_tear_are_named(
    request_: ImportRequest, columns: dict[str, list[str]], where: str
) -> None:
    rows = [dict(row) for row in read_rows(request_.source)]
    for column, values in columns.items():
        for row, value in zip(rows, values, strict=True):
            row[column] = value
    write_table(request_.source, rows)
    with pytest.raises(ConfigurationError, match=f"{where}: column 'fold'"):
        import_corpus(request_)


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: b"", "no sound can be decoded"),
        (lambda data: data[: len(data) // 2], "where its header says"),
        (lambda data: b"OggS" + data[4:], "no sound can be decoded"),
    ],
)
def test_a_damaged_file_is_named_and_nothing_is_left(
    request_: ImportRequest, damage: Callable[[bytes], bytes], message: str, jobs: int
) -> None:
    path = request_.source.parent / "lggram-3.wav"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=r"lggram-3\.wav") as error:
        import_corpus(request_, jobs=jobs)
    assert message in error.value.what
    assert list(request_.out.parent.iterdir()) == []


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_samples_that_are_no_numbers_are_refused(request_: ImportRequest, value: float) -> None:
    sound = burst(70)
    sound[7] = value
    soundfile.write(request_.source.parent / "lggram-3.wav", sound, RATE_HZ, subtype="FLOAT")
    with pytest.raises(DataError, match="NaN or infinite"):
        import_corpus(request_)


def test_one_sound_in_two_groups_is_refused(request_: ImportRequest) -> None:
    folder = request_.source.parent
    samples, _ = soundfile.read(folder / "iphone14-0.wav", dtype="int16")
    soundfile.write(folder / "lggram-2.wav", samples, RATE_HZ, format="FLAC")  # other bytes
    with pytest.raises(DataError, match=r"iphone14-0\.wav and .*lggram-2\.wav"):
        import_corpus(request_)


def test_a_standing_folder_is_refused(request_: ImportRequest) -> None:
    import_corpus(request_)
    with pytest.raises(DataError, match="exists already"):
        import_corpus(request_)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"licence": " "}, "--licence is empty"),
        ({"citation": "x" * 4001}, "--citation has 4001 characters where 4000 are kept"),
        ({"name": "my <b>phones</b>"}, "corpus name 'my <b>phones</b>' is not allowed"),
    ],
)
def test_words_are_refused_before_a_file_is_copied(
    request_: ImportRequest, changes: dict[str, str], words: str
) -> None:
    told: list[int] = []
    with pytest.raises(ConfigurationError, match=words):
        importing.import_corpus(
            replace(request_, **changes),  # type: ignore[arg-type]
            progress=lambda done, total: told.append(done),
        )
    assert told == []


@pytest.mark.parametrize(
    ("limit", "words"),
    [("MAX_LINES", "9 lines are more than the 5"), ("MAX_TABLE_BYTES", "more than 5 bytes")],
)
def test_a_table_that_no_memory_would_hold_is_refused_unread(
    request_: ImportRequest, monkeypatch: pytest.MonkeyPatch, limit: str, words: str
) -> None:
    monkeypatch.setattr(tables, limit, 5)
    with pytest.raises(ConfigurationError, match=words) as error:
        import_corpus(request_)
    assert str(request_.source) in error.value.what


def test_fix_takes_one_of_equal_channels_and_no_other(request_: ImportRequest) -> None:
    path = request_.source.parent / "lggram-0.wav"
    sound = burst(50)
    soundfile.write(path, np.stack([sound, sound], axis=1), RATE_HZ, subtype="PCM_16")
    with pytest.raises(DataError, match="2 channels"):
        import_corpus(request_)
    corpus = import_corpus(replace(request_, may_fix=True))
    given = decode(path.read_bytes(), origin="given")[0][0]
    assert np.array_equal(decode(bytes_of(corpus, "e0", "lggram"), origin="stored")[0][0], given)
    assert "1 files made mono (their channels were equal)" in corpus.header.citation
    other = sound.copy()
    other[7] += 2**-15
    soundfile.write(path, np.stack([sound, other], axis=1), RATE_HZ, subtype="PCM_16")
    with pytest.raises(DataError, match="2 channels"):
        import_corpus(replace(request_, may_fix=True, out=request_.out.with_name("two")))


def test_the_report_of_an_import_is_that_of_a_check(request_: ImportRequest) -> None:
    soundfile.write(request_.source.parent / "lggram-0.wav", np.zeros(400), RATE_HZ)
    soundfile.write(request_.source.parent / "lggram-1.wav", 0.3 * burst(9, 600), RATE_HZ)
    made = importing.import_corpus(replace(request_, licence="unknown"))
    checked = check_corpus(request_.out)
    assert made.report.document() == checked.document()
    found = {(f.severity, f.kind) for f in checked.findings}
    assert {("error", "silent"), ("warning", "short"), ("warning", "credits"),
            ("warning", "event-length")} <= found  # fmt: skip
