from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from devbench.audio.files import write_clip
from devbench.contract.values import Clip
from devbench.corpora.alignment import lag_samples
from devbench.corpora.check import Report, check_corpus
from devbench.corpora.defects import clipped_share
from devbench.corpora.header import CorpusHeader, DeviceEntry
from devbench.corpora.manifest import Corpus, open_corpus, write_corpus
from devbench.files import sha256_file
from helpers.tables import LENGTH, RATE_HZ, burst

Sound = np.ndarray
DEVICES = ("a", "b", "c")
N_EVENTS = 6


def entry(device: str) -> DeviceEntry:
    return DeviceEntry(
        id=device, label=device, kind="phone", sample_rate_hz=RATE_HZ, provenance="measured"
    )


HEADER = CorpusHeader(
    name="tiny", version=1, title="t", provenance="measured", licence="CC0", citation="me",
    sample_rate_hz=RATE_HZ, devices=[entry(device) for device in DEVICES],
)  # fmt: skip


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    folder = tmp_path / "tiny"
    clips = []
    for event in range(N_EVENTS):
        label = ("dog", "door")[event % 2]
        for index, device in enumerate(DEVICES):
            sound = 0.4 * burst(event) + 0.002 * burst(1000 + 10 * event + index)
            sound += 0.0005 * np.random.default_rng([event, index]).standard_normal(LENGTH)
            path = f"audio/{device}/{event}.flac"
            sha256 = write_clip(folder / path, sound, RATE_HZ)
            clips.append(
                Clip(
                    clip_id=f"{event}{device}",
                    event_id=f"e{event}",
                    device=device,
                    label=label,
                    path=path,
                    sha256=sha256,
                    n_samples=LENGTH,
                    group=f"g{event}",
                )
            )
        (folder / "responses").mkdir(exist_ok=True)
    for device in DEVICES:
        (folder / f"responses/{device}.csv").write_text("freq_hz,gain_db\n100,0\n1000,0\n")
    return write_corpus(folder, HEADER, clips)


def rewrite(corpus: Corpus, **changes: Callable[[Clip], Clip | None]) -> None:
    """Write the manifest anew with each clip that change gives back."""
    kept = [new for clip in corpus.clips if (new := changes["change"](clip)) is not None]
    write_corpus(corpus.folder, corpus.header, kept)


def replace_sound(corpus: Corpus, path: str, sound: Sound, *, subtype: str = "PCM_16") -> None:
    """Replace a file and make the manifest agree with it."""
    target = corpus.folder / path
    kind = "WAV" if subtype == "FLOAT" else "FLAC"
    soundfile.write(target, sound, RATE_HZ, format=kind, subtype=subtype)
    sha256 = sha256_file(target)
    rewrite(corpus, change=lambda c: replace(c, sha256=sha256) if c.path == path else c)


def kinds(report: Report) -> set[tuple[str, str, str]]:
    return {(finding.severity, finding.kind, finding.where) for finding in report.findings}


def test_a_clean_corpus_has_no_findings(corpus: Corpus) -> None:
    report = check_corpus(corpus.folder, jobs=2)
    assert report.findings == ()
    assert report.document()["n_errors"] == 0
    assert [level.n_clips for level in report.levels] == [N_EVENTS] * 3
    assert all(offset.offset_ms == 0.0 for offset in report.offsets)


PATH = "audio/b/2.flac"


def with_dc(sound: Sound) -> Sound:
    return sound * 0.5 + 0.05


def with_clipping(sound: Sound) -> Sound:
    return np.clip(sound * 30, -1, 1)


@pytest.mark.parametrize(
    ("damage", "severity", "kind"),
    [
        (lambda s: s * 0, "error", "silent"),
        (lambda s: s * 1e-5, "error", "silent"),
        (with_dc, "warning", "dc-offset"),
        (with_clipping, "warning", "clipped"),
        (lambda s: s[:-5], "error", "length"),
        (lambda s: np.stack([s, s], 1), "error", "channels"),
    ],
)
def test_a_defect_of_a_file_is_found(
    corpus: Corpus, damage: Callable[[Sound], Sound], severity: str, kind: str
) -> None:
    sound, _ = soundfile.read(corpus.folder / PATH)
    replace_sound(corpus, PATH, damage(sound))
    report = check_corpus(corpus.folder)
    assert kinds(report) == {(severity, kind, PATH)}
    assert report.findings[0].fix


@pytest.mark.parametrize(("value", "kind"), [(np.nan, "not-finite"), (1e29, "beyond-full-scale")])
def test_samples_that_break_training_are_found(corpus: Corpus, value: float, kind: str) -> None:
    sound, _ = soundfile.read(corpus.folder / PATH)
    sound[3] = value
    replace_sound(corpus, PATH, sound, subtype="FLOAT")
    found = kinds(check_corpus(corpus.folder))
    assert ("error", kind, PATH) in found
    assert {where for severity, _, where in found if severity == "error"} == {PATH}


def test_a_wrong_rate_is_found(corpus: Corpus) -> None:
    target = corpus.folder / PATH
    sound, _ = soundfile.read(target)
    soundfile.write(target, sound, 16_000, format="FLAC")
    sha256 = sha256_file(target)
    rewrite(corpus, change=lambda c: replace(c, sha256=sha256) if c.path == PATH else c)
    assert ("error", "rate", PATH) in kinds(check_corpus(corpus.folder))


def test_a_missing_file_is_found(corpus: Corpus) -> None:
    (corpus.folder / PATH).unlink()
    assert kinds(check_corpus(corpus.folder)) == {("error", "missing-file", PATH)}


def test_one_flipped_bit_anywhere_is_found(corpus: Corpus) -> None:
    target = corpus.folder / PATH
    data = bytearray(target.read_bytes())
    for place in np.random.default_rng(0).integers(0, len(data), 12):
        damaged = data.copy()
        damaged[place] ^= 1
        target.write_bytes(damaged)
        found = kinds(check_corpus(corpus.folder))
        assert ("error", "hash", PATH) in found
        assert {where for _, _, where in found} == {PATH}


def test_twins_in_two_groups_are_an_error_and_in_one_a_warning(corpus: Corpus) -> None:
    for other, severity in (("audio/a/3.flac", "error"), ("audio/c/2.flac", "warning")):
        sound, _ = soundfile.read(corpus.folder / PATH)
        kept = (corpus.folder / other).read_bytes()
        replace_sound(open_corpus(corpus.folder), other, sound)
        found = kinds(check_corpus(corpus.folder))
        # Clips of one device that are nearly equal now are told as well.
        assert {(s, k) for s, k, _ in found} - {("warning", "near-duplicate")} == {
            (severity, "duplicate")
        }
        (corpus.folder / other).write_bytes(kept)
        rewrite(corpus, change=lambda c: c)


def test_gaps_of_a_device_are_found(corpus: Corpus) -> None:
    rewrite(corpus, change=lambda c: None if (c.device, c.label) == ("c", "dog") else c)
    for path in (corpus.folder / "audio/c").glob("[024].flac"):
        path.unlink()
    assert kinds(check_corpus(corpus.folder)) == {
        ("error", "missing-class", "c"),
        ("warning", "missing-event", "c"),
    }


def test_a_group_in_two_folds_is_found(corpus: Corpus) -> None:
    rewrite(corpus, change=lambda c: replace(c, group="g", fold=int(c.event_id[1]) // 3))
    assert kinds(check_corpus(corpus.folder)) == {("error", "fold", "manifest.csv")}


def test_responses_and_strays_are_looked_at(corpus: Corpus) -> None:
    (corpus.folder / "responses/a.csv").unlink()
    (corpus.folder / "responses/b.csv").write_text("freq_hz,gain_db\n100,loud\n")
    (corpus.folder / "audio/old.flac").write_bytes(b"x")
    assert kinds(check_corpus(corpus.folder)) == {
        ("warning", "response", "a"),
        ("error", "response", "b"),
        ("warning", "stray-file", "audio/old.flac"),
    }


@pytest.mark.parametrize("gain_db", [-20.0, 20.0])
def test_a_device_of_another_level_is_told(corpus: Corpus, gain_db: float) -> None:
    # Louder than the rest without clipping: the other two are made softer instead.
    for clip in corpus.clips:
        if (clip.device == "b") == (gain_db < 0):
            sound, _ = soundfile.read(corpus.folder / clip.path)
            sound *= 10 ** (-abs(gain_db) / 20)
            replace_sound(open_corpus(corpus.folder), clip.path, sound)
    assert kinds(check_corpus(corpus.folder)) == {("warning", "level", "b")}


@pytest.mark.parametrize("offset_ms", [5.5, 40.0, 200.0])
def test_a_late_device_is_told_and_not_corrected(corpus: Corpus, offset_ms: float) -> None:
    late = round(offset_ms * RATE_HZ / 1000)
    for clip in corpus.clips:
        if clip.device == "b":
            sound, _ = soundfile.read(corpus.folder / clip.path)
            shifted = np.concatenate([np.zeros(late), sound[:-late]])
            replace_sound(open_corpus(corpus.folder), clip.path, shifted)
    report = check_corpus(corpus.folder)
    assert kinds(report) == {("warning", "offset", "b")}
    found = next(offset for offset in report.offsets if offset.device == "b")
    assert abs(found.offset_ms - offset_ms) < 1.0


def test_lag_has_a_sign_and_undoes_itself() -> None:
    sound = burst(1)
    late = np.concatenate([np.zeros(37), sound[:-37]])
    assert lag_samples(sound, late) == 37
    assert lag_samples(late, sound) == -37
    tilted = np.convolve(late, [1.0, -0.9])[:LENGTH]  # another response, the same moment
    assert lag_samples(sound, tilted) == pytest.approx(37, abs=1)


def test_only_runs_at_full_scale_count_as_clipping() -> None:
    sound = np.zeros(1000, np.float32)
    sound[[1, 5, 6]] = 1.0
    assert clipped_share(sound) == 0.0
    sound[10:20] = 1.0
    sound[30:33] = -1.0
    sound[50:52] = [1.0, -1.0]
    assert clipped_share(sound) == pytest.approx(0.013)
