"""What a device does to sound, estimated from its recordings alone.

With recordings of the same events by a reference device (pairs): response, gain and compression
are those between the two. Without pairs: ratios of long-term averages, which also hold what differs
between the two sets of events; compression is then not known.

level       median over clips that hold a sound of the RMS of the whole clip
gain        median over pairs of the difference of these RMS; without pairs, of the two medians
response    H1 over pairs (corpora.measuring), each pair first brought to one gain: a compressor
            that turns loud events down would otherwise turn down the bands that they are loud in.
            Without pairs, ratio of mean power spectra
noise       mean spectrum of the quietest 5 % of frames of all clips. An upper bound where no clip
            has a pause. Frames of nothing but zeros are left out
compression slope of the device's loudest 50 ms against the reference's, over events, in dB per dB,
            after the reference went through the response. It is 1 for a linear device, 1/ratio for
            a compressor. Not known where events differ by less than 1 dB (SD)
clipping    share of samples in runs of three or more at a clip's own peak, to a 16-bit step;
            crest factor: median over clips of peak over RMS; peak: the highest of all clips
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from devbench.audio.responses import mel_bands
from devbench.audio.simulate import minimum_phase_fir
from devbench.corpora.alignment import lag_samples
from devbench.corpora.measuring import from_pairs
from devbench.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FRAME_S = 0.046
QUIET_SHARE = 0.05
N_NOISE_BANDS = 24
N_RESPONSE_BANDS = 48
LOUD_S = 0.05
LEAST_SPREAD_DB = 1.0
LEAST_PAIRS = 10
ABOVE_NOISE_DB = 12.0
STEP = 1.5 / 32768
FLOOR_DBFS = -120.0
FIR_TAPS = 512
ROUNDS = 3
How = Literal["paired", "long-term"]


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A spectrum: freq_hz [band] rising, db [band]; relative to 1 kHz."""

    freq_hz: Floats
    db: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """What is known of one device by itself. Levels in dBFS (RMS 1 is 0), crest in dB."""

    n_clips: int
    level_dbfs: float
    noise_dbfs: float
    noise: Curve
    clipped_share: float
    crest_db: float
    peak_dbfs: float
    loudest_dbfs: float


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """What is known of a device against a reference. slope: dB per dB, None where unknown."""

    n_pairs: int
    how: How
    gain_db: float
    response: Curve
    slope: float | None


def sound_of(recordings: Sequence[Floats], rate_hz: int) -> Sound:
    """Return what clips [sample] of one device say; DataError where all are silent."""
    import numpy as np

    heard = heard_of(recordings)
    noise_dbfs, noise = noise_floor(heard, rate_hz)
    levels = [rms_dbfs(clip) for clip in heard]
    peaks = [_db(float(np.max(np.abs(clip))) ** 2) for clip in heard]
    return Sound(
        n_clips=len(recordings),
        level_dbfs=float(np.median(levels)),
        noise_dbfs=noise_dbfs,
        noise=noise,
        clipped_share=clipped_share(heard),
        crest_db=float(np.median(np.array(peaks) - np.array(levels))),
        peak_dbfs=max(peaks),
        loudest_dbfs=float(np.median([loudest_dbfs(clip, rate_hz) for clip in heard])),
    )


def heard_of(recordings: Iterable[Floats]) -> list[Floats]:
    """Return the clips that hold a sound; DataError where none does."""
    heard = [clip for clip in recordings if _is_sound(clip)]
    if not heard:
        raise DataError("all recordings are silent", fix="give recordings of a sound")
    return heard


def difference_of(
    reference: Mapping[str, Floats], device: Mapping[str, Floats], rate_hz: int
) -> Difference:
    """Return how a device differs from a reference. Both: recordings [sample] by event.

    Silent clips are left out; DataError where one of the two has no other.
    """
    import numpy as np

    shared = sorted(reference.keys() & device.keys())
    pairs = [(reference[event], device[event]) for event in shared]
    pairs = [pair for pair in pairs if all(_is_sound(clip) for clip in pair)]
    response, how = _response(pairs, reference, device, rate_hz)
    if pairs:
        gain_db = float(np.median([rms_dbfs(b) - rms_dbfs(a) for a, b in pairs]))
    else:
        first, second = (
            float(np.median([rms_dbfs(clip) for clip in heard_of(clips.values())]))
            for clips in (reference, device)
        )
        gain_db = second - first
    slope = compression(pairs, response, rate_hz) if how == "paired" else None
    return Difference(len(pairs), how, gain_db, response, slope)


def _response(
    pairs: Sequence[tuple[Floats, Floats]],
    reference: Mapping[str, Floats],
    device: Mapping[str, Floats],
    rate_hz: int,
) -> tuple[Curve, How]:
    import contextlib

    if pairs:
        with contextlib.suppress(DataError):  # too little in common: the averages remain
            return _paired_response(pairs, rate_hz), "paired"
    before, after = (long_term(list(clips.values()), rate_hz) for clips in (reference, device))
    return relative(Curve(before.freq_hz, after.db - before.db)), "long-term"


def _paired_response(pairs: Sequence[tuple[Floats, Floats]], rate_hz: int) -> Curve:
    """Return the response between pairs; each pair's own gain is found and taken out in rounds."""
    import numpy as np

    gains = np.ones(len(pairs))
    for _ in range(ROUNDS):
        scaled = [
            (first, second / gain) for (first, second), gain in zip(pairs, gains, strict=True)
        ]
        found = from_pairs(scaled, rate_hz).response
        taps = minimum_phase_fir(found.freq_hz, found.gain_db, FIR_TAPS, rate_hz)
        levels = [rms_dbfs(b) - rms_dbfs(convolved(a, taps)) for a, b in pairs]
        gains = 10 ** ((np.array(levels) - np.median(levels)) / 20)
    return Curve(found.freq_hz, found.gain_db)


def convolved(samples: Floats, taps: Floats) -> Floats:
    """Return samples through a causal filter, as long as before: [sample]."""
    from scipy.signal import fftconvolve

    through: Floats = fftconvolve(samples, taps)[: len(samples)]
    return through


def long_term(recordings: Sequence[Floats], rate_hz: int) -> Curve:
    """Return the mean power spectrum of clips [sample] in 48 mel bands, in dB, not relative.

    Every clip counts alike, however loud.
    """
    import numpy as np

    mean: Floats | float = 0.0
    for clip in recordings:
        power = frame_power(clip, rate_hz).mean(axis=0)
        mean = mean + power / max(float(power.sum()), 1e-30)
    return _banded(np.asarray(mean), N_RESPONSE_BANDS, rate_hz)


def frame_power(clip: Floats, rate_hz: int) -> Floats:
    """Return the power of a clip's frames: [frame, bin]; a row's sum is its mean square."""
    import numpy as np

    window = 1 << round(math.log2(FRAME_S * rate_hz))
    padded = np.pad(clip, (0, max(0, window - len(clip))))
    taper = np.hanning(window)
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[:: window // 2]
    power = np.abs(np.fft.rfft(frames * taper)) ** 2
    power[:, 1:-1] *= 2
    return np.asarray(power / (window * np.sum(taper**2)))


def noise_floor(recordings: Sequence[Floats], rate_hz: int) -> tuple[float, Curve]:
    """Return (RMS in dBFS, spectrum) of the quietest 5 % of frames of all clips."""
    import numpy as np

    power = np.concatenate([frame_power(clip, rate_hz) for clip in recordings])
    level = power.sum(axis=1)
    # What only zeros and rounding leave says nothing of a device.
    is_sound = level > (STEP / 10) ** 2
    power, level = power[is_sound], level[is_sound]
    if not len(level):
        return FLOOR_DBFS, Curve(np.array([100.0, 1000.0]), np.zeros(2))
    count = max(1, round(QUIET_SHARE * len(level)))
    quiet = power[np.argsort(level)[:count]].mean(axis=0)
    return _db(float(quiet.sum())), relative(_banded(quiet, N_NOISE_BANDS, rate_hz))


def clipped_share(recordings: Sequence[Floats]) -> float:
    """Return the share of samples in runs of 3 or more within a 16-bit step of a clip's peak."""
    import numpy as np

    clipped = total = 0
    for clip in recordings:
        size = np.abs(clip)
        at_peak = np.concatenate([[False], size >= size.max() - STEP, [False]])
        edges = np.flatnonzero(np.diff(at_peak.astype(np.int8)))
        runs = edges[1::2] - edges[::2]
        clipped += int(runs[runs >= 3].sum())
        total += len(clip)
    return clipped / total


def compression(
    pairs: Sequence[tuple[Floats, Floats]], response: Curve, rate_hz: int
) -> float | None:
    """Return the slope of loudest levels out against in, over events; None where unknown.

    Theil and Sen's median of slopes, so that a few odd events do not matter. Pairs whose loudest
    50 ms are not 12 dB above the quietest frames of the device are left out.
    """
    import numpy as np

    taps = minimum_phase_fir(response.freq_hz, response.db, FIR_TAPS, rate_hz)
    floor_dbfs, _ = noise_floor([device for _, device in pairs], rate_hz)
    levels = []
    for reference, device in pairs:
        lag = lag_samples(reference, device)
        expected = convolved(reference, taps)[max(0, -lag) :]
        heard = device[max(0, lag) :]
        n_samples = min(len(expected), len(heard))
        if n_samples < LOUD_S * rate_hz:
            continue
        out_db = loudest_dbfs(heard[:n_samples], rate_hz)
        if out_db >= floor_dbfs + ABOVE_NOISE_DB:
            levels.append((loudest_dbfs(expected[:n_samples], rate_hz), out_db))
    if len(levels) < LEAST_PAIRS:
        return None
    into, out = np.array(levels).T
    if float(np.std(into)) < LEAST_SPREAD_DB:
        return None
    first, second = np.triu_indices(len(into), 1)
    run = into[second] - into[first]
    is_wide = np.abs(run) >= LEAST_SPREAD_DB
    return float(np.median((out[second] - out[first])[is_wide] / run[is_wide]))


def loudest_dbfs(clip: Floats, rate_hz: int) -> float:
    """Return the RMS of the loudest 50 ms of a clip, in dBFS."""
    import numpy as np

    window = max(1, min(len(clip), round(LOUD_S * rate_hz)))
    total = np.cumsum(np.concatenate([[0.0], np.square(clip, dtype=np.float64)]))
    return _db(float(np.max(total[window:] - total[:-window])) / window)


def rms_dbfs(clip: Floats) -> float:
    """Return the RMS of a clip in dBFS, at least -120."""
    import numpy as np

    return _db(float(np.mean(np.square(clip, dtype=np.float64))))


def relative(curve: Curve) -> Curve:
    """Return a curve relative to its value at 1 kHz."""
    import numpy as np

    at_1khz = np.interp(math.log(1000.0), np.log(curve.freq_hz), curve.db)
    return Curve(curve.freq_hz, curve.db - at_1khz)


def _banded(power: Floats, n_bands: int, rate_hz: int) -> Curve:
    """Return the mean power per bin in mel bands, in dB; bands narrower than a bin are left out."""
    import numpy as np

    weights, centre_hz = mel_bands(n_bands, rate_hz, 2 * (len(power) - 1))
    total = weights.sum(axis=1)
    is_filled = total > 0
    band = (weights @ power)[is_filled] / total[is_filled]
    return Curve(
        centre_hz[is_filled], 10 * np.log10(np.maximum(band, max(band.max(), 1e-30) * 1e-10))
    )


def _is_sound(clip: Floats) -> bool:
    import numpy as np

    return float(np.max(np.abs(clip))) > 0


def _db(power: float) -> float:
    return max(FLOOR_DBFS, 10 * math.log10(max(power, 1e-30)))
