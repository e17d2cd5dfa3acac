from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from devbench.audio.files import decode, encode_flac, read_clip, write_clip
from devbench.errors import DataError
from devbench.files import sha256_bytes

RATE_HZ = 8000


def encoded(
    sound: np.ndarray, kind: str = "WAV", subtype: str = "PCM_16", rate_hz: int = RATE_HZ
) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, sound, rate_hz, format=kind, subtype=subtype)
    return buffer.getvalue()


def noise(length: int = 800) -> np.ndarray:
    return 0.2 * np.random.default_rng(length).standard_normal(length)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=50))
def test_flac_keeps_16_bits(values: list[float]) -> None:
    sound = np.array(values)
    decoded, rate_hz = decode(encode_flac(sound, RATE_HZ), origin="x")
    assert rate_hz == RATE_HZ
    assert decoded.shape == (1, len(sound))
    # Half a step of rounding, and the scale of 32767 read as 32768.
    assert np.max(np.abs(decoded[0] - sound)) <= 0.5 / 32767 + 1 / 32768


def test_beyond_full_scale_is_cut_not_wrapped() -> None:
    decoded, _ = decode(encode_flac(np.array([2.0, -2.0, 0.5]), RATE_HZ), origin="x")
    assert decoded[0, 0] == pytest.approx(1.0, abs=1e-4)
    assert decoded[0, 1] == -1.0


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAV", "FLOAT"), ("FLAC", "PCM_16"),
     ("FLAC", "PCM_24"), ("WAVEX", "PCM_16")],
)  # fmt: skip
def test_allowed_formats_are_read_with_all_channels(kind: str, subtype: str) -> None:
    sound = np.stack([noise(), -noise()], axis=1)
    decoded, rate_hz = decode(encoded(sound, kind, subtype), origin="x")
    assert (decoded.shape, decoded.dtype, rate_hz) == ((2, 800), np.float32, RATE_HZ)
    assert np.allclose(decoded.T, sound, atol=1e-4)
    assert decoded.flags["C_CONTIGUOUS"]


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [("WAV", "IMA_ADPCM"), ("WAV", "PCM_U8"), ("WAV", "DOUBLE"), ("AIFF", "PCM_16"),
     ("OGG", "VORBIS"), ("AU", "PCM_16")],
)  # fmt: skip
def test_other_formats_are_refused_by_name(kind: str, subtype: str) -> None:
    with pytest.raises(DataError, match="is not read") as error:
        decode(encoded(noise(), kind, subtype), origin="here.wav")
    assert str(error.value).startswith(f"here.wav: {kind} {subtype}")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_refused(value: float) -> None:
    sound = noise()
    sound[3] = value
    with pytest.raises(DataError, match="NaN or infinite"):
        decode(encoded(sound, subtype="FLOAT"), origin="x")


@pytest.mark.parametrize("data", [b"", b"RIFF", b"fLaC", b"\0" * 1000, b"hello world" * 9])
def test_what_is_no_sound_is_refused(data: bytes) -> None:
    with pytest.raises(DataError, match="no sound can be decoded"):
        decode(data, origin="x")


@pytest.mark.parametrize("rate_hz", [16, 999, 800_000])
def test_rates_of_no_microphone_are_refused(rate_hz: int) -> None:
    with pytest.raises(DataError, match=f"{rate_hz} Hz"):
        decode(encoded(noise(), rate_hz=rate_hz), origin="x")


@pytest.mark.parametrize("rate_hz", [100_001, 700_000])
def test_a_rate_that_flac_cannot_say_is_refused(rate_hz: int) -> None:
    with pytest.raises(DataError, match="no FLAC file"):
        encode_flac(noise(), rate_hz)
    assert encode_flac(noise(), 192_000)


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(DataError, match="claims 0 samples"):
        decode(encoded(np.zeros(0)), origin="x")


def test_a_header_that_claims_too_much_is_refused_before_decoding() -> None:
    data = bytearray(encode_flac(noise(), RATE_HZ))
    # STREAMINFO holds the number of samples in its last 36 bits before the MD5.
    data[21:26] = bytes([data[21] | 0x0F]) + struct.pack(">I", 0xFFFFFFFF)
    with pytest.raises(DataError, match="the header claims"):
        decode(bytes(data), origin="x")


def test_a_clip_is_held_against_its_row(tmp_path: Path) -> None:
    path = tmp_path / "a/b.flac"
    sha256 = write_clip(path, noise(), RATE_HZ)
    right = {"sha256": sha256, "n_samples": 800, "sample_rate_hz": RATE_HZ}
    assert read_clip(path, **right).shape == (800,)
    for wrong, message in (
        ({"sha256": "0" * 64}, "hash"),
        ({"n_samples": 801}, "length in samples is 800 where the manifest says 801"),
        ({"sample_rate_hz": 16_000}, "rate in Hz is 8000 where the manifest says 16000"),
    ):
        with pytest.raises(DataError, match=message):
            read_clip(path, **{**right, **wrong})
    stereo = encoded(np.stack([noise(), noise()], axis=1))
    path.write_bytes(stereo)
    with pytest.raises(DataError, match="channels is 2"):
        read_clip(path, **{**right, "sha256": sha256_bytes(stereo)})
    with pytest.raises(DataError, match="the file is missing"):
        read_clip(tmp_path / "none.flac", **right)


def test_mutated_files_give_the_promised_clip_or_an_error(tmp_path: Path) -> None:
    """2,000 damaged files whose hash was made to fit: never a wrong shape, never a traceback."""
    rng = np.random.default_rng(2024)
    originals = [
        encode_flac(noise(), RATE_HZ),
        *(encoded(noise(), "WAV", subtype) for subtype in ("PCM_16", "PCM_24", "FLOAT")),
    ]
    path = tmp_path / "clip"
    n_accepted = 0
    for _ in range(2000):
        data = bytearray(originals[rng.integers(len(originals))])
        kind = rng.integers(4)
        if kind == 0:
            data = data[: rng.integers(len(data))]
        else:
            reach = 64 if kind == 1 else len(data)
            for place in rng.integers(0, reach, rng.integers(1, 8)):
                data[place] = rng.integers(256)
        path.write_bytes(data)
        try:
            clip = read_clip(
                path, sha256=sha256_bytes(bytes(data)), n_samples=800, sample_rate_hz=RATE_HZ
            )
        except DataError:
            continue
        n_accepted += 1
        assert clip.shape == (800,)
        assert np.all(np.isfinite(clip))
    assert 0 < n_accepted < 2000
