from __future__ import annotations

import csv
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from devbench.audio.files import read_clip
from devbench.corpora.build import BuildRequest, build_corpus
from devbench.corpora.manifest import Corpus, open_corpus
from devbench.corpora.rendering import RANGES, band_limited, device_settings
from devbench.errors import ConfigurationError, DataError, DevbenchError
from helpers.tables import LENGTH, RATE_HZ, Inputs, burst, read_rows, write_table

Change = Callable[..., None]


@pytest.fixture
def request_(inputs: Inputs, tmp_path: Path) -> BuildRequest:
    out = tmp_path / "data/tiny"
    return BuildRequest(inputs.clips, inputs.devices, out, role="core", name="tiny")


def sounds(corpus: Corpus, device: str) -> dict[str, np.ndarray]:
    return {
        clip.event_id: read_clip(
            corpus.folder / clip.path,
            sha256=clip.sha256,
            n_samples=clip.n_samples,
            sample_rate_hz=corpus.header.sample_rate_hz,
        )
        for clip in corpus.clips
        if clip.device == device
    }


def db(power: float) -> float:
    return float(10 * np.log10(power + 1e-20))


def everything(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_corpus_holds_every_clip_by_every_device(request_: BuildRequest) -> None:
    built = build_corpus(request_)
    corpus = built.corpus
    assert built.is_new
    assert corpus.fingerprint == open_corpus(request_.out).fingerprint
    assert [device.id for device in corpus.devices] == ["mic-one-a", "phone-nexus-one-mic"]
    assert corpus.header.provenance == "simulated from measured responses"
    assert "simulated from measured responses" in corpus.header.title
    assert len(corpus.clips) == 8
    facts = {(c.event_id, c.group, c.fold, c.label, c.n_samples) for c in corpus.clips}
    assert facts == {
        ("77-A", "77", 1, "dog", LENGTH),
        ("77-B", "77", 1, "dog", LENGTH),
        ("80-A", "80", 2, "crackling-fire", LENGTH),
        ("81-A", "81", 2, "crackling-fire", LENGTH),
    }
    assert list(request_.out.parent.iterdir()) == [request_.out]  # no scratch folder is left


def test_file_names_say_nothing(request_: BuildRequest) -> None:
    corpus = build_corpus(request_).corpus
    stems = {Path(clip.path).stem for clip in corpus.clips}
    assert len(stems) == 4
    for clip in corpus.clips:
        assert Path(clip.path).parent.as_posix() == f"audio/{clip.device}"
        assert set(Path(clip.path).stem) <= set("0123456789abcdef")
        assert len(Path(clip.path).stem) == 16


def test_bytes_depend_on_nothing_but_the_tables(request_: BuildRequest, inputs: Inputs) -> None:
    one = build_corpus(request_, jobs=1).corpus
    rows = read_rows(inputs.clips)
    write_table(inputs.clips, [dict(row) for row in reversed(rows)])
    other = replace(request_, out=request_.out.with_name("other"))
    two = build_corpus(other, jobs=2).corpus
    assert two.fingerprint == one.fingerprint
    assert everything(two.folder) == everything(one.folder)


def test_level_floor_and_limiter_follow_the_settings(request_: BuildRequest) -> None:
    corpus = build_corpus(request_).corpus
    for device in ("mic-one-a", "phone-nexus-one-mic"):
        settings = device_settings(device)
        loud_dbfs = -26.0 + settings["gain_db"]
        for sound in sounds(corpus, device).values():
            # The limiter takes a little off the loudest moments; it never adds.
            assert loud_dbfs - 3 < db(np.mean(sound**2)) < loud_dbfs + 0.1
            assert 20 * np.log10(np.max(np.abs(sound))) < settings["limiter_dbfs"] + 0.5
            silence = sound[LENGTH // 2 + 2000 :]
            floor_dbfs = db(np.mean(silence.astype(np.float64) ** 2))
            band_loss_db = 3.0  # what the recorder's band takes from the noise
            expected = loud_dbfs - settings["noise_below_clip_db"]
            assert expected - band_loss_db < floor_dbfs < expected + 1.0


def test_floors_differ_between_devices_and_events(request_: BuildRequest) -> None:
    corpus = build_corpus(request_).corpus
    tails = [
        sound[-2000:]
        for device in ("mic-one-a", "phone-nexus-one-mic")
        for sound in sounds(corpus, device).values()
    ]
    for first in range(len(tails)):
        for second in range(first):
            assert abs(np.corrcoef(tails[first], tails[second])[0, 1]) < 0.3


def test_a_recorder_of_16_khz_keeps_nothing_above_8_khz(request_: BuildRequest) -> None:
    corpus = build_corpus(request_).corpus
    freq_hz = np.fft.rfftfreq(LENGTH, 1 / RATE_HZ)
    window = np.hanning(LENGTH)  # the clip is cut off at its start; that is no sound above 8 kHz
    above_db = {}
    for device in ("mic-one-a", "phone-nexus-one-mic"):
        power = sum(np.abs(np.fft.rfft(s * window)) ** 2 for s in sounds(corpus, device).values())
        above_db[device] = db(power[freq_hz > 8000].sum() / power.sum())
    assert above_db["phone-nexus-one-mic"] < -60  # 16 bit noise is what is left
    assert above_db["mic-one-a"] > -40
    assert {d.id: d.sample_rate_hz for d in corpus.devices}["phone-nexus-one-mic"] == 16_000


def test_band_limit_keeps_what_is_below() -> None:
    tone = np.sin(2 * np.pi * 3000 * np.arange(LENGTH) / RATE_HZ)
    kept = band_limited(tone, RATE_HZ, 16_000)
    middle = slice(1000, -1000)
    assert np.max(np.abs(kept - tone)[middle]) < 1e-3  # the cut ends ring a little
    assert band_limited(tone, RATE_HZ, 44_100) is tone


def test_responses_are_those_of_the_filters(request_: BuildRequest, inputs: Inputs) -> None:
    corpus = build_corpus(request_).corpus
    taps, _ = soundfile.read(inputs.devices.parent / "fir/mic_OneA.wav")
    power = np.abs(np.fft.rfft(taps, 8192)) ** 2
    freq_hz = np.fft.rfftfreq(8192, 1 / RATE_HZ)
    response = corpus.response("mic-one-a")
    assert response is not None and len(response.freq_hz) == 128
    expected_db = 10 * np.log10(np.interp([500, 1000, 3000, 6000], freq_hz, power))
    found_db = response.at(np.array([500.0, 1000, 3000, 6000]))
    # 64 taps are smooth over a mel band; the reference is the band at 1 kHz.
    assert np.allclose(found_db - found_db[1], expected_db - expected_db[1], atol=1.0)


@given(st.text("abcdefghijklmnop-", min_size=1, max_size=30))
def test_settings_stay_in_their_ranges(device: str) -> None:
    settings = device_settings(device)
    for name, (low, high) in RANGES.items():
        if name in settings:
            assert low <= settings[name] <= high
    assert settings == device_settings(device)
    assert settings != device_settings(device + "x")
    low_db, high_db = RANGES["noise_knot_db"]
    assert low_db - 16.5 <= min(settings["noise_db"])
    assert max(settings["noise_db"]) <= high_db + 16.5


def test_the_same_build_again_changes_nothing(request_: BuildRequest) -> None:
    first = build_corpus(request_)
    before = everything(request_.out)
    again = build_corpus(request_)
    assert not again.is_new
    assert again.corpus.fingerprint == first.corpus.fingerprint
    assert everything(request_.out) == before


def test_another_corpus_is_never_overwritten(request_: BuildRequest) -> None:
    build_corpus(request_)
    before = everything(request_.out)
    with pytest.raises(DataError, match="other clips, devices, credits or options"):
        build_corpus(replace(request_, role="pool"))
    manifest = request_.out / "manifest.csv"
    manifest.write_text(manifest.read_text().replace("dog", "cat"))
    with pytest.raises(DataError, match="another corpus: tiny version 1"):
        build_corpus(request_)
    manifest.write_bytes(before["manifest.csv"])
    assert everything(request_.out) == before


def test_a_foreign_folder_is_refused_and_an_empty_one_is_not(request_: BuildRequest) -> None:
    request_.out.mkdir(parents=True)
    (request_.out / "thesis.tex").write_text("mine")
    with pytest.raises(DataError, match="exists already"):
        build_corpus(request_)
    (request_.out / "thesis.tex").unlink()
    assert build_corpus(request_).is_new


def test_a_failed_build_leaves_nothing(request_: BuildRequest, inputs: Inputs) -> None:
    broken = inputs.clips.parent / "audio/2-81-A-12.flac"
    broken.write_bytes(b"fLaC" + b"\0" * 100)
    for jobs in (1, 2):
        with pytest.raises(DataError, match=r"2-81-A-12\.flac"):
            build_corpus(request_, jobs=jobs)
        assert list(request_.out.parent.iterdir()) == []


def test_what_a_killed_build_left_is_removed(request_: BuildRequest, monkeypatch) -> None:
    stale = request_.out.with_name(".tiny.0123.building")
    foreign = [request_.out.with_name(f".{n}.0123.building") for n in ("tinier", "tiny.v2")]
    stale.mkdir(parents=True)
    for folder in foreign:
        folder.mkdir()
    (stale / "half.flac").write_bytes(b"x")
    later = time.time() + 3600
    monkeypatch.setattr(time, "time", lambda: later)
    build_corpus(request_)
    assert not stale.exists()
    assert all(folder.exists() for folder in foreign)


def test_another_rate_needs_to_be_asked_for(request_: BuildRequest, inputs: Inputs) -> None:
    path = inputs.clips.parent / "audio/1-77-A-0.flac"
    soundfile.write(path, burst(5, 8000), 16_000, subtype="PCM_16")
    with pytest.raises(DataError, match="16000 Hz where the responses have 22050 Hz") as error:
        build_corpus(request_)
    assert "--rate 22050" in error.value.fix
    with pytest.raises(ConfigurationError, match="--rate 16000"):
        build_corpus(replace(request_, rate_hz=16_000))
    corpus = build_corpus(replace(request_, rate_hz=RATE_HZ)).corpus
    told = json.loads((corpus.folder / "build.json").read_text())["converted"]
    assert told == {
        "to_hz": RATE_HZ, "by": "soxr HQ", "clips": [{"event_id": "77-A", "from_hz": 16_000}]
    }  # fmt: skip
    assert "soxr HQ" in corpus.header.citation
    lengths = {clip.event_id: clip.n_samples for clip in corpus.clips}
    assert lengths["77-A"] == pytest.approx(8000 * RATE_HZ / 16_000, abs=1)


def test_stereo_and_silence_are_refused(request_: BuildRequest, inputs: Inputs) -> None:
    path = inputs.clips.parent / "audio/1-77-A-0.flac"
    soundfile.write(path, np.stack([burst(5), burst(6)], axis=1), RATE_HZ)
    with pytest.raises(DataError, match="2 channels"):
        build_corpus(request_)
    soundfile.write(path, np.zeros(LENGTH), RATE_HZ)
    with pytest.raises(DataError, match="silent"):
        build_corpus(request_)


def test_one_sound_under_two_sources_is_refused(request_: BuildRequest, inputs: Inputs) -> None:
    audio = inputs.clips.parent / "audio"
    (audio / "2-81-A-12.flac").write_bytes((audio / "2-80-A-12.flac").read_bytes())
    with pytest.raises(DataError, match=r"2-80-A-12\.flac and .*2-81-A-12\.flac"):
        build_corpus(request_)


@pytest.mark.parametrize(
    ("row", "column", "value", "where", "expected"),
    [
        (0, "filename", "audio/none.flac", "line 2: column 'filename'", "a file that exists"),
        (1, "label", "", "line 3: column 'label'", "ASCII"),
        (1, "label", "__", "line 3: column 'label'", "ASCII"),
        (2, "fold", "two", "line 4: column 'fold'", "whole number"),
        (1, "fold", "3", "line 3: column 'fold'", "1 as in line 2"),
        (3, "src_id", "80", "line 5: column 'take'", "'80-A' stands in line 4"),
    ],
)
def test_a_wrong_clip_row_is_named(
    request_: BuildRequest, change: Change, row: int, column: str, value: str, where: str,
    expected: str,
) -> None:  # fmt: skip
    change(request_.clips, row, column, value)
    with pytest.raises(ConfigurationError) as error:
        build_corpus(request_)
    assert f"clips.csv: {where}" in error.value.what
    assert expected in error.value.fix


@pytest.mark.parametrize(
    ("row", "column", "value", "where", "expected"),
    [
        (1, "id", "mic_oneA", "line 3: column 'id'", "'mic-one-a'"),
        (0, "fir22k", "../none.wav", "line 2: column 'fir22k'", "a file that exists"),
        (0, "recorder_rate_hz", "12", "line 2: column 'recorder_rate_hz'", "1000 Hz or more"),
        (0, "name", "", "line 2: column 'name'", "printable"),
    ],
)
def test_a_wrong_device_row_is_named(
    request_: BuildRequest, change: Change, row: int, column: str, value: str, where: str,
    expected: str,
) -> None:  # fmt: skip
    if column == "recorder_rate_hz":
        rows = [{**r, column: ""} for r in read_rows(request_.devices)]
        write_table(request_.devices, rows)
    change(request_.devices, row, column, value)
    with pytest.raises(ConfigurationError) as error:
        build_corpus(request_)
    assert f"devices.csv: {where}" in error.value.what
    assert expected in error.value.fix


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "line 1: column 'filename' is missing"),
        (b"filename,label,fold,src_id\n", "no rows"),
        (b"filename,label,fold,src_id,label\n", "stands twice"),
        (b"filename,label,fold,src_id\na,b\n", "line 2: 2 cells where the header has 4"),
        (b'filename,label,fold,src_id\n"a,b\n', "line 2"),
        (b"filename,label,fold,src_id\n\xff,b,c,d\n", "line 2: no UTF-8"),
        (b"filename,label,fold,src_id\n\0,b,c,d\n", "line 2: column 'filename'"),
    ],
)
def test_a_malformed_table_is_named(request_: BuildRequest, data: bytes, message: str) -> None:
    request_.clips.write_bytes(data)
    with pytest.raises(ConfigurationError, match=r"clips\.csv") as error:
        build_corpus(request_)
    assert message in error.value.what


def test_an_unknown_role_names_the_roles(request_: BuildRequest) -> None:
    with pytest.raises(ConfigurationError) as error:
        build_corpus(replace(request_, role="core7"))
    assert "core, pool" in error.value.fix


def test_a_name_that_is_none_is_refused(request_: BuildRequest) -> None:
    with pytest.raises(DevbenchError, match="name is 'Tiny Corpus'"):
        build_corpus(replace(request_, name="Tiny Corpus"))


def test_credits_come_from_the_inputs(request_: BuildRequest, inputs: Inputs) -> None:
    text = (
        "# All\n## sounds/ - clips\n* **Cite** me\n## irs/\n* Cite the booth\n## other/\nnot me\n"
    )
    (inputs.clips.parent.parent / "ATTRIBUTION.md").write_text(text)
    corpus = build_corpus(request_).corpus
    assert corpus.header.licence == "sounds: CC0-1.0 (4). responses: CC-BY-4.0 (2)"
    assert corpus.header.citation.startswith("Sounds: Cite me Responses: Cite the booth Changes by")
    assert "not me" not in corpus.header.citation
    with (corpus.folder / "attribution.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["event_id"] for row in rows] == ["77-A", "77-B", "80-A", "81-A"]
    assert rows[0]["author"] == "'=A1"  # a spreadsheet must not run it


def test_a_corrected_credit_is_another_corpus(request_: BuildRequest, inputs: Inputs) -> None:
    build_corpus(request_)
    table = inputs.clips.read_text()
    assert "=A1" in table
    inputs.clips.write_text(table.replace("=A1", "Anna"))
    with pytest.raises(DataError, match="other clips, devices, credits"):
        build_corpus(request_)


def test_credits_can_be_given(request_: BuildRequest) -> None:
    corpus = build_corpus(replace(request_, licence="mine", citation="me")).corpus
    assert corpus.header.licence == "mine"
    assert corpus.header.citation.startswith("me Changes by devbench")


def test_two_builds_at_once_agree(request_: BuildRequest, monkeypatch) -> None:
    from devbench.corpora import build as module

    original = module.into_place

    def beaten(scratch: Path, folder: Path, fingerprint: str) -> Corpus:
        if not folder.exists():  # the rival finishes a moment earlier
            shutil.copytree(scratch, folder)
        return original(scratch, folder, fingerprint)

    monkeypatch.setattr(module, "into_place", beaten)
    assert build_corpus(request_).corpus.folder == request_.out
