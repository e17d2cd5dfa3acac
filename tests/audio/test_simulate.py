"""Device simulation: properties first, then a few numbers."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from devbench.audio.responses import response_of_impulse
from devbench.audio.simulate import DeviceModel, impulse_recording, minimum_phase_fir, render
from devbench.errors import ContractError

RATE_HZ = 22_050
LENGTH = 20_507
PLAIN = DeviceModel(level_dbfs=None)
CODECS = [
    DeviceModel(codec="vorbis", codec_level=0.2),
    DeviceModel(codec="opus", codec_level=0.2, codec_rate_hz=24_000),
    DeviceModel(codec="mp3", codec_level=0.2),
]


def rms_db(samples: NDArray[np.float64]) -> float:
    return float(10 * np.log10(np.mean(samples**2)))


def sound(seed: int = 0, length: int = LENGTH) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    return 0.1 * rng.standard_normal(length) * np.exp(-np.arange(length) / 6000)


def record(samples: NDArray[np.float64], model: DeviceModel, seed: int = 1) -> NDArray[np.float64]:
    return render(samples, model, sample_rate_hz=RATE_HZ, seed=seed)


def test_a_plain_device_changes_nothing() -> None:
    assert np.allclose(record(sound(), PLAIN), sound(), atol=1e-9)  # a flat FIR is one unit tap


def test_all_clips_are_played_equally_loud() -> None:
    assert rms_db(record(3.0 * sound(), DeviceModel())) == pytest.approx(-26.0, abs=0.01)


@pytest.mark.parametrize("model", CODECS, ids=lambda model: model.codec)
@pytest.mark.parametrize("length", [LENGTH, 5_000])
def test_a_codec_keeps_length_and_place(model: DeviceModel, length: int) -> None:
    before = record(sound(length=length), dataclasses.replace(model, codec=None))
    after = record(sound(length=length), model)
    assert after.shape == before.shape
    assert np.corrcoef(before, after)[0, 1] > 0.85  # one sample of delay: about 0
    assert not np.allclose(before, after)


@pytest.mark.parametrize("model", CODECS, ids=lambda model: model.codec)
def test_equal_seeds_give_equal_bytes(model: DeviceModel) -> None:
    noisy = dataclasses.replace(model, noise_dbfs=-50.0, agc_target_dbfs=-20.0, limiter_dbfs=-9.0)
    assert np.array_equal(record(sound(), noisy, 5), record(sound(), noisy, 5))
    assert not np.array_equal(record(sound(), noisy, 5), record(sound(), noisy, 6))


def test_the_noise_floor_has_its_level_and_spectrum() -> None:
    silence = np.zeros(RATE_HZ)
    hum = DeviceModel(level_dbfs=None, noise_dbfs=-40, noise_hz=(100, 10_000), noise_db=(0, -40))
    noise = record(silence, hum)
    assert rms_db(noise) == pytest.approx(-40, abs=1.0)  # one second of mostly low frequencies
    power = np.abs(np.fft.rfft(noise)) ** 2
    assert 10 * np.log10(power[200:400].mean() / power[4000:8000].mean()) > 20
    relative = DeviceModel(noise_below_clip_db=35.0)
    error = record(sound(), relative) - record(sound(), DeviceModel())
    assert rms_db(error) == pytest.approx(-26 - 35, abs=0.2)


def test_limiter_and_clipping_bound_the_peak() -> None:
    loud = 8.0 * sound()
    limited = record(loud, DeviceModel(level_dbfs=None, limiter_dbfs=-12.0))
    assert np.abs(limited).max() <= 10 ** (-12 / 20) * 1.001
    assert rms_db(limited[-LENGTH // 4 :]) > rms_db(limited) - 40  # it lets go again
    clipped = record(loud, DeviceModel(level_dbfs=None, clip_dbfs=-6.0))
    assert np.abs(clipped).max() == pytest.approx(10 ** (-6 / 20))


def test_quiet_sounds_pass_the_limiter_untouched() -> None:
    model = DeviceModel(level_dbfs=None, limiter_dbfs=-1.0)
    assert np.allclose(record(0.3 * sound(), model), 0.3 * sound(), atol=1e-9)


def test_the_agc_brings_levels_together() -> None:
    model = DeviceModel(level_dbfs=None, agc_target_dbfs=-20, agc_ratio=2.0, agc_max_db=20)
    steady = np.random.default_rng(3).standard_normal(LENGTH)
    quiet, loud = record(0.01 * steady, model), record(0.1 * steady, model)
    assert rms_db(loud) - rms_db(quiet) == pytest.approx(10, abs=0.5)  # 20 dB through 2:1


def test_a_minimum_phase_filter_has_the_gain_asked_for_and_is_early() -> None:
    freq_hz = np.array([50.0, 500.0, 2000.0, 8000.0])
    gain_db = np.array([-20.0, 0.0, 6.0, -10.0])
    taps = minimum_phase_fir(freq_hz, gain_db, 1024, RATE_HZ)
    found_hz = np.geomspace(200, 9000, 40)
    n_fft = 1 << 15
    found_db = 20 * np.log10(np.abs(np.fft.rfft(taps, n_fft)))
    found = np.interp(found_hz, np.fft.rfftfreq(n_fft, 1 / RATE_HZ), found_db)
    asked = np.interp(np.log(found_hz), np.log(freq_hz), gain_db)
    assert np.abs(found - asked).max() < 0.5  # 1024 taps resolve 20 Hz; corners are rounded
    assert np.sum(taps[:100] ** 2) > 0.99 * np.sum(taps**2)


def test_the_impulse_tells_the_response() -> None:
    model = DeviceModel(
        response_hz=(50, 300, 1000, 3000, 10_000),
        response_db=(-10, 4, 0, 8, -6),
        gain_db=-7,
        noise_dbfs=-60,
        agc_target_dbfs=-24,
        limiter_dbfs=-6,
    )
    impulse = impulse_recording(model, sample_rate_hz=RATE_HZ, seed=2)
    response = response_of_impulse(impulse, RATE_HZ, provenance="simulated")
    known_hz = np.array([200.0, 500.0, 2000.0, 3000.0, 6000.0])
    asked = np.interp(np.log(known_hz), np.log(model.response_hz), model.response_db)
    assert np.abs(response.at(known_hz) - asked).max() < 1.0  # bands average over the slope


def test_given_taps_are_used_and_still_band_limited() -> None:
    taps = (0.0, 1.0)  # a delay of one sample
    delayed = record(sound(), DeviceModel(level_dbfs=None, fir_taps=taps))
    assert np.allclose(delayed[1:], sound()[:-1], atol=1e-9)
    narrow = record(sound(), DeviceModel(level_dbfs=None, fir_taps=taps, high_cut_hz=3000))
    power = np.abs(np.fft.rfft(narrow, 22_050)) ** 2
    assert power[6000:].sum() < 1e-4 * power[:3000].sum()


@pytest.mark.parametrize(
    "changes",
    [
        {"response_hz": (100.0, 50.0)},
        {"noise_db": (0.0,)},
        {"noise_dbfs": -50.0, "noise_below_clip_db": 40.0},
        {"codec": "aac"},
        {"codec": "mp3", "codec_level": 2.0},
        {"codec": "opus"},
    ],
)
def test_a_device_that_cannot_be_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ContractError):
        DeviceModel(**changes)


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros((2, 5)), np.array([0.0, np.nan])])
def test_what_is_no_sound_is_refused(samples: NDArray[np.float64]) -> None:
    with pytest.raises(ContractError):
        record(samples, PLAIN)


def test_silence_stays_silent() -> None:
    assert not record(np.zeros(1000), DeviceModel()).any()
