"""Impairments that are known are found again in what simulated devices recorded."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from devbench.audio.simulate import DeviceModel, render
from devbench.explaining.corpus_devices import estimate_devices
from devbench.explaining.estimates import clipped_share, difference_of, noise_floor, sound_of

Floats = NDArray[np.float64]
RATE_HZ = 16_000
PLAIN = DeviceModel(level_dbfs=None)
N_EVENTS = 24


def events() -> dict[str, Floats]:
    """Return events of 1 s: bursts of coloured noise between pauses, over 18 dB of levels."""
    rng = np.random.default_rng(0)
    found = {}
    for number in range(N_EVENTS):
        burst = rng.normal(0, 1, RATE_HZ // 2)
        burst[1:] += rng.uniform(-0.8, 0.8) * burst[:-1]
        level_dbfs = -40 + 18 * number / (N_EVENTS - 1)
        clip = np.zeros(RATE_HZ)
        clip[RATE_HZ // 4 : RATE_HZ // 4 + len(burst)] = burst
        clip *= 10 ** (level_dbfs / 20) / np.sqrt(np.mean(clip**2))
        found[f"{number:02d}"] = clip
    return found


def recorded(model: DeviceModel, *, seed: int = 0) -> dict[str, Floats]:
    """Return all events through a device, in steps of 16 bits."""
    return {
        event: np.rint(render(clip, model, sample_rate_hz=RATE_HZ, seed=seed + n) * 32767) / 32767
        for n, (event, clip) in enumerate(events().items())
    }


QUIET = dataclasses.replace(PLAIN, noise_dbfs=-75)
REFERENCE = recorded(QUIET, seed=1000)


def test_a_device_does_not_differ_from_itself() -> None:
    same = difference_of(REFERENCE, REFERENCE, RATE_HZ)
    assert same.gain_db == 0
    assert same.slope == pytest.approx(1, abs=1e-3)
    assert np.abs(same.response.db).max() < 1e-6


@pytest.mark.parametrize("gain_db", [-12.0, 6.0])
def test_gain_is_found_within_a_tenth_of_a_decibel(gain_db: float) -> None:
    device = recorded(dataclasses.replace(QUIET, gain_db=gain_db))
    assert difference_of(REFERENCE, device, RATE_HZ).gain_db == pytest.approx(gain_db, abs=0.1)


def test_a_response_is_found_within_a_decibel_also_behind_a_compressor() -> None:
    knots_hz, knots_db = (100.0, 500.0, 1000.0, 3000.0, 7000.0), (-12.0, 3.0, 0.0, 9.0, -6.0)
    shaped = dataclasses.replace(QUIET, response_hz=knots_hz, response_db=knots_db)
    for model in (shaped, dataclasses.replace(shaped, agc_target_dbfs=-30, agc_ratio=2.5)):
        found = difference_of(REFERENCE, recorded(model), RATE_HZ)
        assert found.how == "paired"
        inside = (found.response.freq_hz > 150) & (found.response.freq_hz < 6500)
        true_db = np.interp(np.log(found.response.freq_hz), np.log(knots_hz), knots_db)
        error_db = (found.response.db - true_db)[inside]
        assert np.sqrt(np.mean(error_db**2)) < 1.0


def test_without_pairs_the_response_is_within_three_decibels() -> None:
    shaped = dataclasses.replace(
        QUIET, response_hz=(100.0, 1000.0, 7000.0), response_db=(-15.0, 0.0, 9.0)
    )
    device = {f"other-{event}": clip for event, clip in recorded(shaped).items()}
    found = difference_of(REFERENCE, device, RATE_HZ)
    assert (found.how, found.n_pairs, found.slope) == ("long-term", 0, None)
    inside = (found.response.freq_hz > 150) & (found.response.freq_hz < 6500)
    true_db = np.interp(np.log(found.response.freq_hz), np.log((100, 1000, 7000)), (-15, 0, 9))
    assert np.abs(found.response.db - true_db)[inside].max() < 3.0


@pytest.mark.parametrize("noise_dbfs", [-70.0, -50.0])
def test_a_noise_floor_is_found_within_a_decibel_and_a_half(noise_dbfs: float) -> None:
    model = dataclasses.replace(
        PLAIN, noise_dbfs=noise_dbfs, noise_hz=(100, 1000, 7000), noise_db=(12, 0, -6)
    )
    level_dbfs, spectrum = noise_floor(list(recorded(model).values()), RATE_HZ)
    # The quietest frames of a noise lie below its mean: by 1 dB where few bins carry it.
    assert level_dbfs == pytest.approx(noise_dbfs, abs=1.5)
    inside = (spectrum.freq_hz > 300) & (spectrum.freq_hz < 6500)
    true_db = np.interp(np.log(spectrum.freq_hz), np.log((100, 1000, 7000)), (12, 0, -6))
    assert np.abs(spectrum.db - true_db)[inside].max() < 3.0  # few frames, bands of a few bins


@pytest.mark.parametrize("ratio", [1.0, 1.5, 3.0])
def test_compression_is_found_within_a_tenth(ratio: float) -> None:
    model = dataclasses.replace(
        QUIET, agc_target_dbfs=-30, agc_ratio=ratio, agc_max_db=40, gain_db=-5
    )
    slope = difference_of(REFERENCE, recorded(model), RATE_HZ).slope
    assert slope == pytest.approx(1 / ratio, abs=0.1)


def test_clipping_is_found_and_loud_tones_are_not_clipping() -> None:
    loud = dataclasses.replace(QUIET, gain_db=20, clip_dbfs=-9)
    clips = recorded(loud)
    at_ceiling = [np.abs(clip) >= 10 ** (-9 / 20) - 2 / 32767 for clip in clips.values()]
    true_share = float(np.mean(at_ceiling))
    assert true_share > 0.01
    # Runs of one or two samples at the ceiling may be peaks as well, and are not counted.
    assert 0.3 * true_share < clipped_share(list(clips.values())) <= true_share
    assert sound_of(list(clips.values()), RATE_HZ).peak_dbfs == pytest.approx(-9, abs=0.01)
    tone = 0.9 * np.sin(2 * np.pi * 110 * np.arange(RATE_HZ) / RATE_HZ)
    assert clipped_share([np.rint(tone * 32767) / 32767]) < 0.02
    assert clipped_share(list(REFERENCE.values())) == 0


def test_a_silent_device_is_named_and_the_others_are_estimated() -> None:
    silent = {event: np.zeros(RATE_HZ) for event in REFERENCE}
    found, missing = estimate_devices(
        {"good": REFERENCE, "dead": silent, "same": REFERENCE}, "good", RATE_HZ
    )
    assert [estimate.device for estimate in found] == ["good", "same"]
    assert missing[0].part == "dead" and "silent" in missing[0].why


def with_silence(clips: dict[str, Floats]) -> dict[str, Floats]:
    """Return clips and more silent ones than there are, in front."""
    return {f"-{n}": np.zeros(RATE_HZ) for n in range(len(clips) + 3)} | clips


@pytest.mark.parametrize("prefix", ["", "other-"])
def test_silent_clips_change_nothing(prefix: str) -> None:
    """With pairs and without: level, gain and response are those of the clips with a sound."""
    model = dataclasses.replace(QUIET, gain_db=-6, response_hz=(500, 5000), response_db=(0, 9))
    device = {f"{prefix}{event}": clip for event, clip in recorded(model).items()}
    (_, plain), _ = estimate_devices({"good": REFERENCE, "other": device}, "good", RATE_HZ)
    (_, found), _ = estimate_devices(
        {"good": with_silence(REFERENCE), "other": with_silence(device)}, "good", RATE_HZ
    )
    assert found == plain.model_copy(update={"n_clips": 2 * N_EVENTS + 3})
    assert plain.how == ("long-term" if prefix else "paired")


def test_without_pairs_it_is_said_what_is_missing() -> None:
    other = {f"other-{event}": clip for event, clip in REFERENCE.items()}
    found, missing = estimate_devices({"good": REFERENCE, "alone": other}, "good", RATE_HZ)
    assert found[1].how == "long-term" and found[1].slope is None
    assert "compression of alone" in missing[0].part and "same events" in missing[0].fix
