"""One difference put on the source's clips makes that part of them the target's, and no more."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from devbench.audio.simulate import DeviceModel, render
from devbench.explaining.corpus_devices import estimate_devices
from devbench.explaining.estimates import noise_floor
from devbench.explaining.impairments import NAMES, TOGETHER, device_models

Floats = NDArray[np.float64]
RATE_HZ = 16_000
SOURCE = DeviceModel(level_dbfs=None, noise_dbfs=-60)


def recorded(model: DeviceModel, *, seed: int) -> dict[str, Floats]:
    """Return 16 events of 1 s, half of it pauses, through a device, in steps of 16 bits."""
    rng = np.random.default_rng(0)
    clips = {}
    for number in range(16):
        played = np.zeros(RATE_HZ)
        level = 10 ** ((-36 + number) / 20)
        played[RATE_HZ // 4 : RATE_HZ * 3 // 4] = level * rng.standard_normal(RATE_HZ // 2)
        clips[f"{number:02d}"] = heard(played, model, seed=seed + number)
    return clips


def heard(clip: Floats, model: DeviceModel, *, seed: int) -> Floats:
    return np.rint(render(clip, model, sample_rate_hz=RATE_HZ, seed=seed) * 32767) / 32767


CLIPS = recorded(SOURCE, seed=100)


def models_of(target: Mapping[str, Floats]) -> dict[str, dict[str, Any]]:
    """Return the impairments of a target that recorded the same events as the source."""
    (source, other), _ = estimate_devices({"source": CLIPS, "target": target}, "source", RATE_HZ)
    return device_models(source, other, sample_rate_hz=RATE_HZ)


def floor_of(clips: Mapping[str, Floats]) -> tuple[float, Floats]:
    """Return the level of a noise floor in dBFS, and its bands from 300 to 6500 Hz in dB."""
    level_dbfs, curve = noise_floor(list(clips.values()), RATE_HZ)
    return level_dbfs, curve.db[(curve.freq_hz > 300) & (curve.freq_hz < 6500)]


def impaired(arguments: Mapping[str, Any]) -> dict[str, Floats]:
    """Return the source's clips with one impairment."""
    model = DeviceModel(**arguments)
    return {event: heard(clip, model, seed=int(event)) for event, clip in CLIPS.items()}


def test_a_copy_of_the_source_has_no_impairment() -> None:
    models = models_of(CLIPS)
    assert not any("noise_dbfs" in model for model in models.values())
    for name in NAMES:
        for event, clip in impaired(models[name]).items():
            # A slope of 1 is found within 0.001; rounding moves a sample by a step of 16 bits.
            assert np.abs(clip - CLIPS[event]).max() < 1e-3 * np.abs(clip).max() + 2 / 32767


@pytest.mark.parametrize("gain_db", [0.0, -6.0])
def test_as_much_noise_as_the_source_has_adds_next_to_nothing(gain_db: float) -> None:
    """The target's own noise, drawn anew, at the same distance from its clips."""
    same = dataclasses.replace(SOURCE, gain_db=gain_db, noise_dbfs=-60 + gain_db)
    clips = impaired(models_of(recorded(same, seed=500))["noise"])
    # A twentieth of the frames tells a band within a fraction of a decibel; two floors add 3 dB.
    assert floor_of(clips)[0] == pytest.approx(floor_of(CLIPS)[0], abs=0.7)


@pytest.mark.parametrize("name", ["noise", TOGETHER])
@pytest.mark.parametrize("noise_dbfs", [-58.0, -48.0])
def test_more_noise_becomes_the_floor_of_the_target(name: str, noise_dbfs: float) -> None:
    shaped = dataclasses.replace(
        SOURCE, noise_dbfs=noise_dbfs, noise_hz=(500, 7000), noise_db=(6, 0)
    )
    target = recorded(shaped, seed=500)
    level_dbfs, bands_db = floor_of(impaired(models_of(target)[name]))
    wanted_dbfs, wanted_db = floor_of(target)
    assert level_dbfs == pytest.approx(wanted_dbfs, abs=1.0)  # two estimates, each below by 1 dB
    assert np.abs(bands_db - wanted_db).max() < 3.0  # few frames, bands of a few bins


def test_together_the_own_noise_goes_through_response_and_gain() -> None:
    """The response lifts the source's treble, noise and all: no noise is missing."""
    bright = dataclasses.replace(
        SOURCE, gain_db=6, response_hz=(1000, 4000), response_db=(0, 12), noise_dbfs=None
    )
    target = {event: heard(clip, bright, seed=0) for event, clip in CLIPS.items()}
    own_dbfs, own_db = floor_of(target)
    level_dbfs, bands_db = floor_of(impaired(models_of(target)[TOGETHER]))
    assert level_dbfs == pytest.approx(own_dbfs, abs=0.5)  # the response is known within 1 dB
    assert np.abs(bands_db - own_db).max() < 1.0


def test_only_bands_with_more_noise_get_some() -> None:
    """Hum: far above the source's noise below 500 Hz, far below it above 1 kHz."""
    hum = dataclasses.replace(SOURCE, noise_dbfs=-45, noise_hz=(500, 1000), noise_db=(0, -40))
    model = models_of(recorded(hum, seed=500))["noise"]
    added = DeviceModel(**model)
    silence = {str(n): heard(np.zeros(RATE_HZ), added, seed=n) for n in range(8)}
    treble = {event: np.diff(clip, 2) for event, clip in silence.items()}
    own = {event: np.diff(clip[: RATE_HZ // 5], 2) for event, clip in CLIPS.items()}
    # What is found of noise lies 1 to 2 dB below it, twice here; the source's is at -60.
    assert floor_of(silence)[0] == pytest.approx(-48, abs=2.0)
    assert floor_of(treble)[0] < floor_of(own)[0] - 12
