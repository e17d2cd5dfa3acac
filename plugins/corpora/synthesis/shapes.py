"""What all synthetic sounds share: a spectrum to draw, a rhythm to follow, noise to shape.

Every draw comes from the generator of one event, so that an event does not depend on its
neighbours, on the process that makes it or on the order of the work.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Range = tuple[float, float]
"""Lowest and highest value of a parameter; each event draws its own in between."""

SAMPLE_RATE_HZ = 22_050
N_SAMPLES = 20_507  # 0.93 s: the 80 frames of the papers at a hop of 256 samples
DURATION_S = N_SAMPLES / SAMPLE_RATE_HZ
N_FFT = 24_576
FREQ_HZ: Floats = np.linspace(0.0, SAMPLE_RATE_HZ / 2, N_FFT // 2 + 1)
_OCTAVE: Floats = np.log2(np.maximum(FREQ_HZ, 20.0) / 1000.0)


def uniform(rng: np.random.Generator, low_high: Range) -> float:
    """Return a draw from a range, every value as likely."""
    return float(rng.uniform(*low_high))


def spread(rng: np.random.Generator, low_high: Range) -> float:
    """Return a draw from a range of positive values, every ratio as likely."""
    return float(np.exp(rng.uniform(np.log(low_high[0]), np.log(low_high[1]))))


def whole(rng: np.random.Generator, low_high: Range) -> int:
    """Return a whole number from a range, both ends included."""
    return int(rng.integers(int(low_high[0]), int(low_high[1]), endpoint=True))


@dataclass(frozen=True, slots=True)
class Bump:
    """A resonance: gain_db at centre_hz, falling as a bell of that width in octaves."""

    centre_hz: Range
    width_octaves: float = 0.4
    gain_db: float = 24.0


@dataclass(frozen=True, slots=True)
class Spectrum:
    """The colour of a sound: a tilt through 1 kHz with bumps; each event draws its own."""

    bumps: tuple[Bump, ...] = ()
    tilt_db_per_octave: Range = (-4.0, -2.0)

    def draw_db(self, rng: np.random.Generator) -> Floats:
        """Return the gain of one event at FREQ_HZ: [freq] dB."""
        curve_db = uniform(rng, self.tilt_db_per_octave) * np.clip(_OCTAVE, -4.5, 4.0)
        for bump in self.bumps:
            centre = np.log2(spread(rng, bump.centre_hz) / 1000.0)
            width = bump.width_octaves * spread(rng, (0.8, 1.25))
            gain_db = bump.gain_db + uniform(rng, (-2.0, 2.0))
            curve_db = curve_db + gain_db * np.exp(-0.5 * ((_OCTAVE - centre) / width) ** 2)
        return curve_db


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When a sound is on: count bursts of length_s with gap_s between; count 0: all the time.

    rise_s: of each burst. A sustained sound swells by up to swell_db at swell_hz instead.
    """

    count: Range = (0, 0)
    length_s: Range = (0.1, 0.2)
    gap_s: Range = (0.05, 0.1)
    rise_s: Range = (0.005, 0.015)
    swell_hz: Range = (0.5, 2.0)
    swell_db: Range = (1.0, 5.0)

    def draw(self, rng: np.random.Generator) -> Floats:
        """Return the envelope of one event: [sample], 0 to 1."""
        time_s = np.arange(N_SAMPLES) / SAMPLE_RATE_HZ
        count = whole(rng, self.count)
        if count == 0:
            phase = 2 * np.pi * (spread(rng, self.swell_hz) * time_s + rng.uniform())
            return 10 ** (uniform(rng, self.swell_db) * (np.sin(phase) - 1) / 40)
        envelope = np.zeros(N_SAMPLES)
        start_s = uniform(rng, (0.01, 0.12))
        length_s, gap_s = spread(rng, self.length_s), spread(rng, self.gap_s)
        rise_s = spread(rng, self.rise_s)
        for _ in range(count):
            burst_s = length_s * spread(rng, (0.9, 1.1))
            up = np.clip((time_s - start_s) / rise_s, 0, 1)
            down = np.clip((start_s + burst_s - time_s) / (2 * rise_s), 0, 1)
            envelope = np.maximum(envelope, spread(rng, (0.7, 1.0)) * np.minimum(up, down))
            start_s += burst_s + gap_s * spread(rng, (0.85, 1.18))
        return np.sin(0.5 * np.pi * envelope)


def shaped(samples: Floats, gain_db: Floats) -> Floats:
    """Return samples filtered by a gain at FREQ_HZ, without phase: [sample]."""
    spectrum = np.fft.rfft(samples, N_FFT) * 10 ** (gain_db / 20)
    spectrum[0] = 0.0
    return np.fft.irfft(spectrum, N_FFT)[: len(samples)]


def white(rng: np.random.Generator) -> Floats:
    """Return white noise of unit power: [sample]."""
    return rng.standard_normal(N_SAMPLES)


def slow_noise(rng: np.random.Generator, rate_hz: float) -> Floats:
    """Return a random curve of unit power that changes about rate_hz times a second: [sample]."""
    n_knots = max(4, round(rate_hz * DURATION_S) + 2)
    place = np.linspace(0, n_knots - 1, N_SAMPLES)
    return np.interp(place, np.arange(n_knots), rng.standard_normal(n_knots))


def levelled(samples: Floats, level_dbfs: float) -> Floats:
    """Return samples with that RMS: [sample]."""
    rms = float(np.sqrt(np.mean(samples**2)))
    return samples * (10 ** (level_dbfs / 20) / max(rms, 1e-12))
