"""Speech-like sound without speech: syllables of a made-up voice, with pauses between phrases.

Source and filter (Fant, Acoustic Theory of Speech Production): pulses of a gliding pitch, or noise,
through four resonances that change from syllable to syllable. Nobody says anything, but level,
spectrum and pauses vary as they do when somebody does.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# First three resonances of nine vowels in Hz, means of 33 men (Peterson and Barney, JASA 24, 1952);
# the fourth hardly moves.
VOWELS_HZ = (
    (270, 2290, 3010), (390, 1990, 2550), (530, 1840, 2480), (660, 1720, 2410), (730, 1090, 2440),
    (570, 840, 2410), (440, 1020, 2240), (300, 870, 2240), (640, 1190, 2390),
)  # fmt: skip
FOURTH_HZ = 3500.0
BANDWIDTHS_HZ = (60.0, 90.0, 130.0, 200.0)
LEVEL_DBFS, LEVEL_SPREAD_DB = -26.0, 4.0


def recording(seconds: float, sample_rate_hz: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return one voice speaking for so long: [sample], -26 dBFS give or take 4 dB."""
    pitch_hz = rng.uniform(90, 240)
    tract = rng.uniform(0.95, 1.2) if pitch_hz > 150 else rng.uniform(0.88, 1.02)
    tilt = rng.uniform(0.90, 0.985)  # of the glottis; the nearer to 1 the duller
    hiss_db = rng.uniform(-65, -45)
    parts: list[Floats] = []
    have, n_samples = 0, round(seconds * sample_rate_hz)
    while have < n_samples:
        for _ in range(int(rng.integers(3, 9))):
            if rng.random() < 0.4:
                parts.append(_fricative(sample_rate_hz, rng))
            parts.append(_vowel(pitch_hz, tract, tilt, sample_rate_hz, rng))
        parts.append(np.zeros(round(rng.uniform(0.1, 0.5) * sample_rate_hz)))
        have = sum(map(len, parts))
    start = int(rng.integers(0, have - n_samples + 1))
    x = np.concatenate(parts)[start : start + n_samples]
    x = x / max(1e-9, float(np.sqrt(np.mean(x**2))))
    x = x + 10 ** (hiss_db / 20) * rng.standard_normal(n_samples)
    level_db = LEVEL_DBFS + rng.uniform(-LEVEL_SPREAD_DB, LEVEL_SPREAD_DB)
    return np.clip(10 ** (level_db / 20) * x, -1, 1).astype(np.float32)


def _vowel(
    pitch_hz: float, tract: float, tilt: float, rate_hz: int, rng: np.random.Generator
) -> Floats:
    from scipy.signal import lfilter

    n = round(rng.uniform(0.08, 0.28) * rate_hz)
    glide = np.linspace(rng.uniform(0.85, 1.2), rng.uniform(0.85, 1.2), n)
    cycles = np.cumsum(pitch_hz * glide * (1 + 0.01 * rng.standard_normal())) / rate_hz
    x = np.diff(np.floor(cycles), prepend=0.0) + 0.02 * rng.standard_normal(n)
    x = lfilter([1.0], [1.0, -tilt], x)
    vowel = VOWELS_HZ[int(rng.integers(len(VOWELS_HZ)))]
    for hz, width_hz in zip((*vowel, FOURTH_HZ), BANDWIDTHS_HZ, strict=True):
        radius = math.exp(-math.pi * width_hz / rate_hz)
        cosine = math.cos(2 * math.pi * tract * hz * rng.uniform(0.95, 1.05) / rate_hz)
        poles = [1.0, -2 * radius * cosine, radius**2]
        x = lfilter([sum(poles)], poles, x)
    x = np.diff(x, prepend=0.0)  # what lips radiate
    return _levelled(x, rng.uniform(-6, 0)) * np.hanning(n) ** 0.5


def _fricative(rate_hz: int, rng: np.random.Generator) -> Floats:
    from scipy.signal import butter, sosfilt

    n = round(rng.uniform(0.05, 0.14) * rate_hz)
    low_hz = rng.uniform(1500, 5000)
    high_hz = min(low_hz * rng.uniform(1.5, 2.5), 0.48 * rate_hz)
    band = butter(2, [low_hz, high_hz], "bandpass", fs=rate_hz, output="sos")
    return _levelled(sosfilt(band, rng.standard_normal(n)), rng.uniform(-20, -8)) * np.hanning(n)


def _levelled(x: Floats, level_db: float) -> Floats:
    scaled: Floats = x * (10 ** (level_db / 20) / max(1e-12, float(np.sqrt(np.mean(x**2)))))
    return scaled
