"""Sound files block by block: what is written is what was read, and mistakes are named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from devbench.audio import streams
from devbench.audio.streams import (
    SoundHeader,
    is_integer,
    read_blocks,
    read_header,
    require_output,
    write_blocks,
)
from devbench.errors import DataError, UsageError


def write(path: Path, samples: object, rate_hz: int = 44100, subtype: str = "PCM_16") -> Path:
    soundfile.write(path, np.asarray(samples, np.float64), rate_hz, subtype=subtype)
    return path


def rewritten(path: Path, out: Path) -> SoundHeader:
    header = read_header(path)
    container, subtype = require_output(out, header, force=False)
    write_blocks(
        out,
        read_blocks(header),
        sample_rate_hz=header.sample_rate_hz,
        n_channels=header.n_channels,
        container=container,
        subtype=subtype,
    )
    return read_header(out)


@pytest.mark.parametrize(("suffix", "subtype"), [
    (".wav", "PCM_16"), (".wav", "PCM_24"), (".wav", "FLOAT"), (".flac", "PCM_16"),
    (".flac", "PCM_24"),
])  # fmt: skip
def test_what_is_not_changed_is_written_as_it_was(
    suffix: str, subtype: str, tmp_path: Path
) -> None:
    sound = np.random.default_rng(0).uniform(-1, 1, (streams.BLOCK_SAMPLES + 77, 2))
    sound[:4] = [[1, -1], [-1, 1], [0, 0], [1, 1]]
    path = write(tmp_path / f"in{suffix}", sound, 48000, subtype)
    header = rewritten(path, tmp_path / f"out{suffix}")
    assert (header.n_samples, header.n_channels, header.sample_rate_hz) == (len(sound), 2, 48000)
    assert header.subtype == subtype
    before, after = (soundfile.read(tmp_path / f"{name}{suffix}")[0] for name in ("in", "out"))
    assert np.array_equal(before, after)
    assert not list(tmp_path.glob(".*"))


def test_the_ending_chooses_the_container(tmp_path: Path) -> None:
    path = write(tmp_path / "in.wav", np.zeros(100), 8000, "FLOAT")
    header = read_header(path)
    assert require_output(tmp_path / "o.flac", header, force=False) == ("FLAC", "PCM_24")
    assert require_output(tmp_path / "o.WAV", header, force=False) == ("WAV", "FLOAT")
    assert header.duration_s == pytest.approx(100 / 8000)
    assert [is_integer(name) for name in ("PCM_16", "PCM_24", "FLOAT")] == [True, True, False]


def test_an_output_that_cannot_be_is_refused_before_work(tmp_path: Path) -> None:
    path = write(tmp_path / "in.wav", np.zeros((10, 9)))
    header = read_header(path)
    with pytest.raises(UsageError, match=r"written as \.mp3"):
        require_output(tmp_path / "o.mp3", header, force=False)
    with pytest.raises(DataError, match="no folder"):
        require_output(tmp_path / "no" / "o.wav", header, force=False)
    with pytest.raises(UsageError, match="is there already"):
        require_output(path, header, force=False)
    assert require_output(path, header, force=True) == ("WAV", "PCM_16")
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(UsageError, match="is there already"):
        require_output(tmp_path / "folder.wav", header, force=True)
    with pytest.raises(UsageError, match="8 channels"):
        require_output(tmp_path / "o.flac", header, force=False)


def test_files_that_are_no_sound_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="no sound file"):
        read_header(tmp_path / "none.wav")
    (tmp_path / "text.wav").write_text("hello")
    with pytest.raises(DataError, match="no sound can be decoded"):
        read_header(tmp_path / "text.wav")
    with pytest.raises(DataError, match="holds no sample"):
        read_header(write(tmp_path / "empty.wav", np.zeros((0, 1))))
    with pytest.raises(DataError, match="PCM_U8 is not read"):
        read_header(write(tmp_path / "bytes.wav", np.zeros(9), 8000, "PCM_U8"))
    with pytest.raises(DataError, match="100 Hz"):
        read_header(write(tmp_path / "slow.wav", np.zeros(9), 100))
    monkeypatch.setattr(streams, "MAX_CHANNEL_HOURS", 1 / 3600)
    with pytest.raises(DataError, match="hours"):
        read_header(write(tmp_path / "long.wav", np.zeros(8001), 8000))


def test_samples_that_are_no_numbers_are_named_with_their_place(tmp_path: Path) -> None:
    sound = np.zeros(1000)
    sound[800] = np.nan
    header = read_header(write(tmp_path / "nan.wav", sound, 8000, "FLOAT"))
    with pytest.raises(DataError, match=r"NaN or infinite samples at 0\.100 s"):
        list(read_blocks(header))


def test_a_file_that_ends_early_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "in.flac", np.random.default_rng(0).uniform(-1, 1, 50_000))
    header = read_header(path)
    path.write_bytes(path.read_bytes()[:40_000])
    with pytest.raises(DataError, match=r"no sound can be decoded|where the header says"):
        list(read_blocks(header))


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    def breaks() -> object:
        yield np.zeros((10, 1))
        raise DataError("gone", fix="none")

    with pytest.raises(DataError, match="gone"):
        write_blocks(
            tmp_path / "o.wav",
            breaks(),  # type: ignore[arg-type]
            sample_rate_hz=8000,
            n_channels=1,
            container="WAV",
            subtype="PCM_16",
        )
    assert not list(tmp_path.iterdir())
