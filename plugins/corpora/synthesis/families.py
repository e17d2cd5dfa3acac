"""The families of sounds: what is struck, rushes, crackles, hums, sings.

A class is one family with ranges for its parameters; an event is one draw from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .shapes import (
    N_FFT,
    N_SAMPLES,
    SAMPLE_RATE_HZ,
    Floats,
    Range,
    Rhythm,
    Spectrum,
    levelled,
    shaped,
    slow_noise,
    spread,
    uniform,
    white,
    whole,
)

Rng = np.random.Generator
PLAIN = Spectrum()
SUSTAINED = Rhythm()
_TIME_S: Floats = np.arange(N_SAMPLES) / SAMPLE_RATE_HZ


class Sound(Protocol):
    """A class of sounds."""

    def event(self, rng: Rng) -> Floats:
        """Return one event: [sample], any level."""
        ...


@dataclass(frozen=True, slots=True)
class Struck:
    """Hits on a body that rings: partials with decays, and the click of the contact.

    tone_hz: lowest partial; ratios: of all partials to it; detune: how far each event bends them.
    decay_s: to 1/e of the lowest partial; higher ones decay faster by ratio**-damping.
    chirp_octaves: how far the partials glide while they decay (a drop in water rises).
    click_db: level of the contact noise against the ringing; click_s: its length.
    """

    tone_hz: Range
    ratios: tuple[float, ...] = (1.0,)
    detune: float = 0.02
    decay_s: Range = (0.03, 0.08)
    damping: float = 0.5
    chirp_octaves: Range = (0.0, 0.0)
    click: Spectrum = PLAIN
    click_db: float = -10.0
    click_s: Range = (0.004, 0.01)
    hits: Range = (1, 1)
    interval_s: Range = (0.15, 0.3)

    def event(self, rng: Rng) -> Floats:
        """Return one event: [sample]."""
        tone_hz, decay_s = spread(rng, self.tone_hz), spread(rng, self.decay_s)
        chirp = uniform(rng, self.chirp_octaves)
        ring = np.zeros(N_SAMPLES)
        for ratio in self.ratios:
            partial_hz = tone_hz * ratio * spread(rng, (1 - self.detune, 1 + self.detune))
            partial_s = decay_s * ratio**-self.damping
            glide = 1 - np.exp(-_TIME_S / partial_s)
            cycles = partial_hz * (
                _TIME_S if chirp == 0 else np.cumsum(2 ** (chirp * glide)) / SAMPLE_RATE_HZ
            )
            if partial_hz * 2 ** max(chirp, 0.0) < 0.47 * SAMPLE_RATE_HZ:
                level = spread(rng, (0.5, 1.0)) * np.exp(-_TIME_S / partial_s)
                ring += level * np.sin(2 * np.pi * (cycles + rng.uniform()))
        ring *= np.minimum(_TIME_S / 0.0008, 1.0)
        contact = white(rng) * np.exp(-_TIME_S / spread(rng, self.click_s))
        contact = shaped(contact, self.click.draw_db(rng))
        kernel = levelled(ring, -20.0) + levelled(contact, -20.0 + self.click_db)
        train = np.zeros(N_SAMPLES)
        start_s, interval_s = uniform(rng, (0.02, 0.15)), spread(rng, self.interval_s)
        for _ in range(whole(rng, self.hits)):
            if start_s * SAMPLE_RATE_HZ < N_SAMPLES - 1:
                train[int(start_s * SAMPLE_RATE_HZ)] += spread(rng, (0.6, 1.0))
            start_s += interval_s * spread(rng, (0.88, 1.14))
        n_fft = 2 * N_FFT
        product = np.fft.rfft(kernel, n_fft) * np.fft.rfft(train, n_fft)
        return np.fft.irfft(product, n_fft)[:N_SAMPLES]


@dataclass(frozen=True, slots=True)
class Rushing:
    """Noise with a colour and a rhythm: wind, hiss, breath, fricatives.

    gust_hz, gust_db: speed and depth of random changes of level.
    """

    colour: Spectrum
    rhythm: Rhythm = SUSTAINED
    gust_hz: Range = (2.0, 6.0)
    gust_db: Range = (0.5, 2.0)

    def event(self, rng: Rng) -> Floats:
        """Return one event: [sample]."""
        noise = shaped(white(rng), self.colour.draw_db(rng))
        gusts_db = uniform(rng, self.gust_db) * slow_noise(rng, spread(rng, self.gust_hz))
        return noise * self.rhythm.draw(rng) * 10 ** (gusts_db / 20)


@dataclass(frozen=True, slots=True)
class Crackling:
    """Many small impacts at random moments, each ringing shortly: rain, fire, applause, gravel.

    density_hz: impacts a second. grain_s: length of one. bed_db: level of the steady noise of the
    same colour below them. size_db: spread of their loudness.
    """

    colour: Spectrum
    density_hz: Range
    grain_s: Range = (0.001, 0.003)
    size_db: float = 6.0
    bed_db: float = -20.0
    rhythm: Rhythm = SUSTAINED

    def event(self, rng: Rng) -> Floats:
        """Return one event: [sample]."""
        density_hz = spread(rng, self.density_hz)
        count = max(3, int(rng.poisson(density_hz * N_SAMPLES / SAMPLE_RATE_HZ)))
        train = np.zeros(N_SAMPLES)
        sizes = 10 ** (self.size_db * rng.standard_normal(count) / 20)
        np.add.at(train, rng.integers(0, N_SAMPLES, count), sizes * rng.choice((-1.0, 1.0), count))
        grain = white(rng) * np.exp(-_TIME_S / spread(rng, self.grain_s))
        n_fft = 2 * N_FFT
        product = np.fft.rfft(grain, n_fft) * np.fft.rfft(train, n_fft)
        grains = levelled(np.fft.irfft(product, n_fft)[:N_SAMPLES], 0.0)
        bed = 10 ** (self.bed_db / 20) * white(rng)
        return shaped(grains + bed, self.colour.draw_db(rng)) * self.rhythm.draw(rng)


@dataclass(frozen=True, slots=True)
class Humming:
    """Pulses at a pitch through a colour: engines, machines, voices, insects.

    glide_octaves: change of pitch over the event. jitter: random change of pitch (a fraction).
    roughness_db: random change of level from pulse to pulse. breath_db: noise of the same colour
    against the pulses. tremor_hz, tremor_db: regular change of level (blades, wings).
    """

    pitch_hz: Range
    colour: Spectrum
    glide_octaves: Range = (-0.1, 0.1)
    jitter: float = 0.01
    roughness_db: float = 1.0
    breath_db: Range = (-24.0, -18.0)
    tremor_hz: Range = (4.0, 8.0)
    tremor_db: Range = (0.0, 0.5)
    rhythm: Rhythm = SUSTAINED

    def event(self, rng: Rng) -> Floats:
        """Return one event: [sample]."""
        glide = uniform(rng, self.glide_octaves) * (_TIME_S / _TIME_S[-1] - 0.5)
        pitch_hz = spread(rng, self.pitch_hz) * 2**glide
        pitch_hz = pitch_hz * (1 + self.jitter * slow_noise(rng, 12.0))
        cycle = np.cumsum(pitch_hz) / SAMPLE_RATE_HZ + rng.uniform()
        at = np.flatnonzero(np.diff(np.floor(cycle)) > 0)
        late = (np.floor(cycle[at + 1]) - cycle[at]) / (cycle[at + 1] - cycle[at])
        size = 10 ** (self.roughness_db * rng.standard_normal(len(at)) / 20)
        pulses = np.zeros(N_SAMPLES)  # each pulse is shared by two samples: its true place
        pulses[at] += size * (1 - late)
        pulses[at + 1] += size * late
        source = levelled(pulses - pulses.mean(), 0.0)
        source += 10 ** (uniform(rng, self.breath_db) / 20) * white(rng)
        phase = 2 * np.pi * (spread(rng, self.tremor_hz) * _TIME_S + rng.uniform())
        tremor_db = uniform(rng, self.tremor_db) * np.sin(phase)
        envelope = self.rhythm.draw(rng) * 10 ** (tremor_db / 20)
        return shaped(source, self.colour.draw_db(rng)) * envelope


@dataclass(frozen=True, slots=True)
class Singing:
    """A gliding tone with few harmonics: sirens, alarms, birds, whistles.

    sweep_octaves: glide of each burst (over the whole event when it is sustained), up or down as
    drawn. warble_hz, warble_octaves: regular change of pitch. harmonics_db: levels of harmonics
    1, 2, ...; breath_db: noise around the tone.
    """

    pitch_hz: Range
    rhythm: Rhythm = SUSTAINED
    sweep_octaves: Range = (0.0, 0.0)
    warble_hz: Range = (4.0, 8.0)
    warble_octaves: Range = (0.0, 0.01)
    harmonics_db: tuple[float, ...] = (0.0, -20.0)
    breath: Spectrum = PLAIN
    breath_db: float = -30.0

    def event(self, rng: Rng) -> Floats:
        """Return one event: [sample]."""
        envelope = self.rhythm.draw(rng)
        glide = _TIME_S / _TIME_S[-1] - 0.5
        if self.rhythm.count[1] > 0:  # every burst glides anew
            on = envelope > 0.01
            since = _TIME_S - np.maximum.accumulate(np.where(on, 0.0, _TIME_S))
            glide = since / max(float(since.max()), 1e-3) - 0.5
        warble = np.sin(2 * np.pi * (spread(rng, self.warble_hz) * _TIME_S + rng.uniform()))
        octave = uniform(rng, self.sweep_octaves) * glide
        octave = octave + uniform(rng, self.warble_octaves) * warble
        pitch_hz = spread(rng, self.pitch_hz) * 2**octave
        cycle = np.cumsum(pitch_hz) / SAMPLE_RATE_HZ
        tone = np.zeros(N_SAMPLES)
        for index, level_db in enumerate(self.harmonics_db, start=1):
            heard = np.clip((0.48 * SAMPLE_RATE_HZ - index * pitch_hz) / 200.0, 0.0, 1.0)
            level = 10 ** ((level_db + uniform(rng, (-2.0, 2.0))) / 20)
            tone += level * heard * np.sin(2 * np.pi * (index * cycle + rng.uniform()))
        breath = shaped(white(rng), self.breath.draw_db(rng))
        return (levelled(tone, 0.0) + levelled(breath, self.breath_db)) * envelope
