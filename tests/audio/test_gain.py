"""Gains on sound: 0 dB gives the sound back, a curve is heard as that curve, silence stays."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from devbench.audio.gain import MAX_GAIN_DB, BandGain, apply_gain, window_samples
from devbench.audio.responses import mel_bands
from devbench.errors import ContractError

BIN_HZ = mel_bands(80, 22050, 1024)[1]
HOP_S = 256 / 22050
FLOOR_DB = -100.0


def gain_of(change_db: NDArray[np.float64], level_db: float = -30.0) -> BandGain:
    """Return a gain that shall be change_db [frame, bin] on frames that hold sound."""
    heard = np.full(change_db.shape, level_db, np.float32)
    return BandGain(heard, heard + change_db.astype(np.float32), BIN_HZ, HOP_S, FLOOR_DB)


def flat(gain_db: float, n_frames: int = 40) -> BandGain:
    return gain_of(np.full((n_frames, 80), gain_db))


def blocks_of(sound: NDArray[np.float64], size: int) -> Iterator[NDArray[np.float64]]:
    yield from (sound[start : start + size] for start in range(0, len(sound), size))


def applied(
    sound: NDArray[np.float64], *gains: BandGain, rate_hz: int, size: int = 5000
) -> NDArray[np.float64]:
    parts = apply_gain(blocks_of(sound, size), gains, sample_rate_hz=rate_hz)
    return np.concatenate(list(parts))


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([8000, 11025, 44100, 48000]),
    st.integers(1, 6000),
    st.integers(1, 3),
    st.sampled_from([1, 333, 4096]),
)
def test_no_gain_gives_the_sound_back(rate_hz: int, n: int, channels: int, size: int) -> None:
    sound = np.random.default_rng(n).normal(0, 0.3, (n, channels))
    back = applied(sound, *[flat(0.0)] * channels, rate_hz=rate_hz, size=max(size, n // 50 + 1))
    assert back.shape == sound.shape
    assert np.abs(back - sound).max() < 1e-12  # float64, windows that add up to one


def test_each_channel_has_its_gain() -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, (30_000, 2))
    out = applied(sound, flat(-20.0), flat(6.0), rate_hz=44100)
    assert np.allclose(out[:, 0], sound[:, 0] * 0.1, atol=1e-6)  # float32 decibels
    assert np.allclose(out[:, 1], sound[:, 1] * 10**0.3, atol=1e-6)


def test_blocks_make_no_difference() -> None:
    rng = np.random.default_rng(1)
    sound, gain = rng.normal(0, 0.1, (20_001, 1)), gain_of(rng.uniform(-9, 9, (50, 80)))
    whole = applied(sound, gain, rate_hz=44100, size=30_000)
    assert np.allclose(applied(sound, gain, rate_hz=44100, size=777), whole, atol=1e-12)


@pytest.mark.parametrize("rate_hz", [22050, 44100, 48000])
def test_a_curve_is_heard_as_that_curve(rate_hz: int) -> None:
    """White noise comes out with the curve on it, within 0.5 dB from 100 Hz to 10 kHz."""
    n_samples = 8 * rate_hz
    sound = np.random.default_rng(2).normal(0, 0.1, (n_samples, 1))

    def curve_db(freq_hz: NDArray[np.float64]) -> NDArray[np.float64]:
        return 10.0 * np.sin(0.5 * np.log2(freq_hz / 1000.0))  # from -10 dB to +10 dB

    gain = gain_of(np.tile(curve_db(BIN_HZ), (n_samples // 200, 1)))
    out = applied(sound, gain, rate_hz=rate_hz)
    freq_hz, change_db = change_of(sound[:, 0], out[:, 0], rate_hz)
    inside = (freq_hz >= 100) & (freq_hz <= 10_000)
    error_db = change_db[inside] - curve_db(freq_hz[inside])
    assert np.abs(error_db).max() < 0.5
    above = freq_hz > 12_000
    if above.any():  # beyond what was analysed, the last band's gain is held
        assert np.allclose(change_db[above], curve_db(BIN_HZ[-1:])[0], atol=0.3)


def change_of(
    before: NDArray[np.float64], after: NDArray[np.float64], rate_hz: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (frequency, change in dB) of the mean power spectrum."""
    size = 4096
    window = np.hanning(size)

    def power(sound: NDArray[np.float64]) -> NDArray[np.float64]:
        frames = np.lib.stride_tricks.sliding_window_view(sound, size)[:: size // 2]
        mean = np.mean(np.abs(np.fft.rfft(frames * window, axis=1)) ** 2, axis=0)
        return np.convolve(mean, np.ones(5) / 5, mode="same")[2:-2]

    freq_hz = np.fft.rfftfreq(size, 1 / rate_hz)[2:-2]
    return freq_hz, 10 * np.log10(power(after) / power(before))


def test_gains_are_limited() -> None:
    assert np.allclose(flat(90.0).frames(0, 40), MAX_GAIN_DB)
    assert np.allclose(flat(-90.0).frames(0, 40), -MAX_GAIN_DB)


def test_what_holds_no_sound_is_never_made_louder() -> None:
    change = np.full((20, 80), 12.0)
    heard = np.full((20, 80), -30.0, np.float32)
    heard[:, 40:43] = FLOOR_DB
    heard[10] = FLOOR_DB
    gain_db = BandGain(heard, heard + change.astype(np.float32), BIN_HZ, HOP_S, FLOOR_DB).frames(
        0, 20
    )
    empty = heard <= FLOOR_DB
    assert (gain_db[empty] <= 0).all()
    assert np.allclose(gain_db[:8, :38], 12.0)
    quiet = flat(-12.0).frames(0, 40)
    assert np.allclose(quiet, -12.0)


def test_one_jumping_cell_is_smoothed() -> None:
    change = np.zeros((20, 80))
    change[10, 40] = 16.0
    gain_db = gain_of(change).frames(0, 20)
    assert gain_db[10, 40] == pytest.approx(6.4, abs=1e-5)  # 0.5 * 0.8 of it
    assert gain_db[9:12, 39:42].sum() == pytest.approx(16.0, abs=1e-4)
    part = gain_of(change).frames(9, 11)
    assert np.array_equal(part, gain_db[9:11])


def test_gains_between_frames_and_bands_are_linear_and_held_outside() -> None:
    change = np.outer(np.linspace(0, 10, 11), np.ones(80))
    gain = gain_of(change)
    time_s = np.array([-1.0, 4.5 * HOP_S, 5.25 * HOP_S, 99.0])
    found = gain.at(time_s, np.array([10.0, 1000.0, 20_000.0]))
    assert found.shape == (4, 3)
    assert np.allclose(found[1:3, 1], [4.5, 5.25], atol=1e-5)
    assert np.allclose(found[[0, 3]], [[0.25] * 3, [9.75] * 3], atol=1e-5)  # smoothed at the ends
    bands = gain_of(np.outer(np.ones(11), np.arange(80.0) / 10))
    middle_hz = (BIN_HZ[30] + BIN_HZ[31]) / 2
    assert bands.at(np.array([0.0]), np.array([middle_hz]))[0, 0] == pytest.approx(3.05, abs=1e-4)
    assert np.allclose(gain.mean(), gain.frames(0, 11).mean(axis=0))


def test_windows_are_powers_of_two_near_the_analysis() -> None:
    assert [window_samples(rate) for rate in (8000, 22050, 44100, 48000)] == [512, 1024, 2048, 2048]


def test_what_does_not_fit_is_refused() -> None:
    frames = np.zeros((5, 80), np.float32)
    with pytest.raises(ContractError, match="do not fit"):
        BandGain(frames, frames[:, :-1], BIN_HZ, HOP_S, FLOOR_DB)
