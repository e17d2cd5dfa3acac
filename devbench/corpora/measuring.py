"""Frequency responses of devices from what can be recorded: impulse, sweep, or two at once.

All end as the corpus holds them: mean power in 128 mel bands, in dB relative to 1 kHz.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from devbench.audio.responses import IMPULSE_S, N_BANDS, mel_bands, response_of_impulse
from devbench.contract.values import FrequencyResponse
from devbench.corpora.alignment import lag_samples
from devbench.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

BEFORE_S = 0.1
FADE_S = 0.05
CREST_DB = 20.0
WINDOW_S = 0.2
MIN_WINDOWS = 8
MIN_COHERENCE = 0.3


@dataclass(frozen=True, slots=True)
class Sweep:
    """An exponential sine sweep from low_hz to high_hz in duration_s seconds (Farina 2000)."""

    low_hz: float
    high_hz: float
    duration_s: float

    def samples(self, rate_hz: int) -> Floats:
        """Return the sweep at full scale: [sample]."""
        import numpy as np

        rate_nats = math.log(self.high_hz / self.low_hz) / self.duration_s
        at_s = np.arange(round(self.duration_s * rate_hz)) / rate_hz
        phase = 2 * np.pi * self.low_hz / rate_nats * np.expm1(rate_nats * at_s)
        return np.sin(phase)


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """A response and how far to trust it. coherence: [bin] 0 to 1; None where it is not known."""

    response: FrequencyResponse
    coherence: Floats | None = None


def from_impulses(recordings: Sequence[Floats], rate_hz: int) -> Estimate:
    """Return the mean in dB over recordings [sample] of one impulse each."""
    import numpy as np

    found = [response_of_impulse(r, rate_hz, provenance="measured") for r in recordings]
    gain_db = np.mean([one.gain_db for one in found], axis=0)
    return Estimate(FrequencyResponse(freq_hz=found[0].freq_hz, gain_db=gain_db))


def from_sweeps(
    recordings: Sequence[Floats], played: Floats, rate_hz: int, *, low_hz: float, high_hz: float
) -> Estimate:
    """Return the mean in dB over recordings [sample] of one sweep, played: [sample].

    Division by the sweep's spectrum gives the impulse response; what the device distorts stands
    before it in time and is cut away (Farina 2000, section 2). Only bands between low_hz and
    high_hz are kept. Raises DataError where no whole sweep is heard.
    """
    import numpy as np

    curves = []
    for recording in recordings:
        impulse = _deconvolved(recording, played, rate_hz, low_hz=low_hz, high_hz=high_hz)
        n_fft = 1 << (len(impulse) - 1).bit_length()
        power = np.abs(np.fft.rfft(impulse, n_fft)) ** 2
        curves.append(_bands(power, np.ones_like(power), rate_hz))
    centre_hz = curves[0][0]
    gain_db = np.mean([gain for _, gain, _ in curves], axis=0)
    is_kept = (centre_hz >= 1.1 * low_hz) & (centre_hz <= 0.95 * high_hz)
    return Estimate(_relative(centre_hz[is_kept], gain_db[is_kept]))


def _deconvolved(
    recording: Floats, played: Floats, rate_hz: int, *, low_hz: float, high_hz: float
) -> Floats:
    """Return the windowed linear impulse response, from 0.1 s before its peak: [sample]."""
    import numpy as np

    longest = max(len(recording) + len(played), round((BEFORE_S + IMPULSE_S) * rate_hz))
    n_fft = 1 << (longest - 1).bit_length()
    spectrum = np.fft.rfft(played, n_fft)
    power = np.abs(spectrum) ** 2
    whole = np.fft.rfft(recording, n_fft) * np.conj(spectrum) / (power + 1e-7 * power.max())
    freq_hz = np.fft.rfftfreq(n_fft, 1 / rate_hz)
    whole[(freq_hz < low_hz / 2) | (freq_hz > high_hz)] = 0
    impulse = np.fft.irfft(whole, n_fft)
    peak = int(np.argmax(np.abs(impulse)))
    crest = impulse[peak] ** 2 / max(float(np.mean(impulse**2)), 1e-300)
    if 10 * math.log10(max(crest, 1e-300)) < CREST_DB:
        raise DataError("no sweep is heard", fix="give the recording of that sweep, louder")
    start = peak if peak < len(recording) else peak - n_fft
    if start < -rate_hz // 100 or start + len(played) > len(recording) + rate_hz // 100:
        raise DataError(
            "the recording does not hold the whole sweep",
            fix="start to record before the sweep, and end after it",
        )
    # The second harmonic of a sweep stands this long before the peak.
    octave_s = len(played) / rate_hz * math.log(2) / math.log(high_hz / low_hz)
    n_before = round(min(BEFORE_S, 0.4 * octave_s) * rate_hz)
    n_after, n_fade = round(IMPULSE_S * rate_hz), round(FADE_S * rate_hz)
    window = np.ones(n_before + n_after)
    window[:n_before] = np.sin(np.pi / 2 * np.arange(n_before) / n_before) ** 2
    window[-n_fade:] = np.cos(np.pi / 2 * np.arange(n_fade) / n_fade) ** 2
    return np.roll(impulse, n_before - peak)[: len(window)] * window


def from_pairs(pairs: Sequence[tuple[Floats, Floats]], rate_hz: int) -> Estimate:
    """Return the response of a device relative to a reference that recorded at the same time.

    pairs: (reference [sample], device [sample]). The cross-spectrum is averaged over windows of
    0.2 s and over pairs and divided by the reference's spectrum (H1; Bendat and Piersol, Random
    Data, chapter 6), and bins are weighted by their coherence within a band. Bands below a
    coherence of 0.3 are left out. Raises DataError where there is too little to average.
    """
    import numpy as np

    window = 1 << round(math.log2(WINDOW_S * rate_hz))
    taper = np.hanning(window)
    n_bins = window // 2 + 1
    own, other = np.zeros(n_bins), np.zeros(n_bins)
    cross = np.zeros(n_bins, np.complex128)
    n_windows = 0
    for reference, device in pairs:
        first, second = _aligned(reference, device)
        for start in range(0, len(first) - window + 1, window // 2):
            a = np.fft.rfft(first[start : start + window] * taper)
            b = np.fft.rfft(second[start : start + window] * taper)
            own += np.abs(a) ** 2
            other += np.abs(b) ** 2
            cross += np.conj(a) * b
            n_windows += 1
    if n_windows < MIN_WINDOWS:
        raise DataError(
            f"{n_windows} windows of {window / rate_hz:.2f} s are too few to average",
            fix="give longer recordings, or more of them",
        )
    power = np.maximum(own, 1e-12 * max(own.max(), 1e-300))
    coherence = np.abs(cross) ** 2 / np.maximum(power * other, 1e-300)
    centre_hz, gain_db, heard = _bands(np.abs(cross / power) ** 2, coherence, rate_hz)
    is_kept = heard >= MIN_COHERENCE
    if is_kept.sum() < 2 or not heard[np.argmin(np.abs(centre_hz - 1000))] >= MIN_COHERENCE:
        raise DataError(
            "the two recordings have little in common at 1 kHz",
            fix="give recordings of the same sound at the same time, with little noise",
        )
    return Estimate(_relative(centre_hz[is_kept], gain_db[is_kept]), heard[is_kept])


def _aligned(reference: Floats, device: Floats) -> tuple[Floats, Floats]:
    """Return both without what one recorded before the other: [sample] of one length."""
    lag = lag_samples(reference, device)
    first, second = reference[max(0, -lag) :], device[max(0, lag) :]
    n_samples = min(len(first), len(second))
    return first[:n_samples], second[:n_samples]


def _bands(power: Floats, trust: Floats, rate_hz: int) -> tuple[Floats, Floats, Floats]:
    """Return (centre_hz, gain_db, mean trust) per mel band of power [bin], bins weighted by trust.

    A band narrower than a bin takes what lies between its neighbours.
    """
    import numpy as np

    weights, centre_hz = mel_bands(N_BANDS, rate_hz, 2 * (len(power) - 1))
    total = weights.sum(axis=1)
    trusted = weights @ trust
    is_filled = trusted > 0
    if not bool(is_filled.any()) or not float(power.max()) > 0:
        raise DataError("the recording is silent", fix="record it again")
    band = (weights @ (trust * power))[is_filled] / trusted[is_filled]
    gain_db = 10 * np.log10(np.maximum(band, band.max() * 1e-12))
    heard = (trusted / np.maximum(total, 1e-300))[is_filled]
    return centre_hz[is_filled], gain_db, heard


def _relative(freq_hz: Floats, gain_db: Floats) -> FrequencyResponse:
    """Return a curve relative to its gain at 1 kHz."""
    import numpy as np

    if len(freq_hz) < 2:
        raise DataError("no band of the response was measured", fix="measure a wider range")
    if not freq_hz[0] <= 1000 <= freq_hz[-1]:
        raise DataError(
            f"the response was measured from {freq_hz[0]:.0f} to {freq_hz[-1]:.0f} Hz",
            fix="measure a range that holds 1 kHz, to which gains are relative",
        )
    at_1khz = np.interp(math.log(1000.0), np.log(freq_hz), gain_db)
    return FrequencyResponse(freq_hz=freq_hz, gain_db=gain_db - at_1khz)


def relative_to(response: FrequencyResponse, reference: FrequencyResponse) -> FrequencyResponse:
    """Return the response of a device that was measured relative to a known reference."""
    gain_db = response.gain_db + reference.at(response.freq_hz)
    return _relative(response.freq_hz, gain_db)


def normalised(response: FrequencyResponse) -> FrequencyResponse:
    """Return a response relative to its own gain at 1 kHz."""
    return _relative(response.freq_hz, response.gain_db)
