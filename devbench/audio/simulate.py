"""A recording device on arrays: response, noise floor, AGC, limiter, clipping and lossy codec.

A response alone is undone by one constant per mel band; the other parts of a device are not, so
they are simulated too. Needs numpy, and soundfile where a codec is asked for.
"""

from __future__ import annotations

import functools
import io
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from devbench.audio.responses import IMPULSE_S
from devbench.benchmark.seeds import seed_for
from devbench.errors import ContractError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Codec = Literal["vorbis", "opus", "mp3"]
_FORMATS: dict[str, tuple[str, str]] = {
    "vorbis": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}
OPUS_RATES_HZ = (8000, 12_000, 16_000, 24_000, 48_000)
BLOCK_S = 0.001
SILENCE_DB = -200.0


@dataclass(frozen=True, slots=True)
class DeviceModel:
    """What a device does to a sound, in the order in which it does it.

    level_dbfs: RMS to which the clip is brought before the device hears it (every event is played
    equally loud); None leaves the clip as it is.
    response_hz, response_db: knots of the gain, linear in log frequency; made a minimum-phase FIR
    of n_taps. fir_taps: the FIR itself, used instead of the knots where it is given.
    low_cut_hz, high_cut_hz: -3 dB points of the band; band_order: slopes of 6 dB per octave each.
    gain_db: sensitivity of the device, the same for all clips.
    noise_dbfs: RMS of the noise floor; noise_below_clip_db: the same relative to the RMS of the
    clip at that point. At most one of them. noise_hz, noise_db: knots of its spectrum.
    agc_target_dbfs: RMS towards which the AGC pulls short-time levels by agc_ratio (input dB per
    output dB), by at most agc_max_db up or down; its level estimate rises by agc_attack_db_per_s
    and falls by agc_release_db_per_s.
    limiter_dbfs: peak that the look-ahead limiter lets through; slopes as with the AGC.
    clip_dbfs: level at which samples are cut off.
    codec: lossy round trip; codec_level: 0 (best) to 1 (smallest), as libsndfile counts;
    codec_rate_hz: rate at which it works (Opus knows 8, 12, 16, 24 and 48 kHz), None: as the clip.
    """

    level_dbfs: float | None = -26.0
    response_hz: tuple[float, ...] = (20.0, 20_000.0)
    response_db: tuple[float, ...] = (0.0, 0.0)
    n_taps: int = 512
    fir_taps: tuple[float, ...] = ()
    low_cut_hz: float | None = None
    high_cut_hz: float | None = None
    band_order: int = 6
    gain_db: float = 0.0
    noise_dbfs: float | None = None
    noise_below_clip_db: float | None = None
    noise_hz: tuple[float, ...] = (20.0, 20_000.0)
    noise_db: tuple[float, ...] = (0.0, 0.0)
    agc_target_dbfs: float | None = None
    agc_ratio: float = 2.0
    agc_max_db: float = 12.0
    agc_attack_db_per_s: float = 2000.0
    agc_release_db_per_s: float = 60.0
    limiter_dbfs: float | None = None
    limiter_attack_db_per_s: float = 4000.0
    limiter_release_db_per_s: float = 200.0
    clip_dbfs: float = 0.0
    codec: Codec | None = None
    codec_level: float = 0.5
    codec_rate_hz: int | None = None

    def __post_init__(self) -> None:
        for what in ("response", "noise"):
            freq_hz, gain_db = getattr(self, f"{what}_hz"), getattr(self, f"{what}_db")
            rising = all(low < high for low, high in itertools.pairwise(freq_hz))
            if len(freq_hz) < 2 or len(freq_hz) != len(gain_db) or freq_hz[0] <= 0 or not rising:
                raise ContractError(
                    f"{what}_hz and {what}_db are no curve",
                    fix="give two or more rising frequencies above 0 Hz and one gain for each",
                )
        if self.noise_dbfs is not None and self.noise_below_clip_db is not None:
            raise ContractError(
                "the noise floor has two levels", fix="give noise_dbfs or noise_below_clip_db"
            )
        if self.codec is not None and (
            self.codec not in _FORMATS or not 0 <= self.codec_level <= 1
        ):
            raise ContractError(
                f"codec {self.codec!r} at level {self.codec_level}",
                fix=f"use {', '.join(_FORMATS)} at a level from 0 to 1",
            )
        if self.codec == "opus" and self.codec_rate_hz not in OPUS_RATES_HZ:
            raise ContractError(
                f"Opus at a codec_rate_hz of {self.codec_rate_hz}",
                fix=f"use one of {', '.join(map(str, OPUS_RATES_HZ))}",
            )


def render(samples: Floats, model: DeviceModel, *, sample_rate_hz: int, seed: int) -> Floats:
    """Return the device's recording of a sound: [sample] float64 in ±1, as long as samples.

    samples: [sample], any finite level. seed: of the noise floor, the only random part; derive it
    from the event and the device (`seed_for`). Quantisation is left to who writes the file.
    """
    import numpy as np

    heard = np.asarray(samples, np.float64)
    if heard.ndim != 1 or len(heard) == 0 or not bool(np.all(np.isfinite(heard))):
        raise ContractError(
            f"samples of shape {heard.shape} cannot be played", fix="give finite samples [sample]"
        )
    if model.level_dbfs is not None:
        heard = heard * (_amplitude(model.level_dbfs) / max(_rms(heard), 1e-12))
    return _recorded(heard, model, sample_rate_hz, np.random.default_rng(seed))


def impulse_recording(
    model: DeviceModel, *, sample_rate_hz: int, seed: int, n_impulses: int = 64
) -> Floats:
    """Return what the device records of a 200 ms unit impulse: [sample] float64.

    The impulse, 20 ms after the start, is played so loud that its filtered peak is 3 dB below the
    limiter (or full scale); the mean of n_impulses recordings keeps the noise floor below it. AGC
    and codec act as they do on any sound. UMC (arXiv 2410.18322), section 5.1.
    """
    import numpy as np

    length = round(IMPULSE_S * sample_rate_hz)
    peak = float(np.max(np.abs(_device_fir(model, sample_rate_hz)))) * _amplitude(model.gain_db)
    ceiling_dbfs = min(model.clip_dbfs, 0.0, model.limiter_dbfs or 0.0) - 3.0
    impulse = np.zeros(length)
    impulse[sample_rate_hz // 50] = _amplitude(ceiling_dbfs) / peak
    total = np.zeros(length)
    for index in range(n_impulses):
        rng = np.random.default_rng(seed_for(seed, "impulse", str(index)))
        total += _recorded(impulse, model, sample_rate_hz, rng)
    return total / n_impulses


def minimum_phase_fir(freq_hz: Floats, gain_db: Floats, n_taps: int, sample_rate_hz: int) -> Floats:
    """Return the causal filter with this gain whose energy comes as early as possible: [n_taps].

    freq_hz: [bin] rising, > 0. gain_db: [bin], linear in log frequency between the bins and flat
    beyond them; more than 100 dB below the maximum counts as 100 dB. Folded real cepstrum
    (Oppenheim and Schafer, Discrete-Time Signal Processing, section on complex cepstra).
    """
    import numpy as np

    n_fft = 1 << (8 * n_taps - 1).bit_length()
    grid_hz = np.linspace(0, sample_rate_hz / 2, n_fft // 2 + 1)
    log_hz = np.log(np.maximum(grid_hz, grid_hz[1]))
    curve_db = np.interp(log_hz, np.log(freq_hz), gain_db)
    curve_db = np.maximum(curve_db, curve_db.max() - 100.0)
    cepstrum = np.fft.irfft(curve_db * (np.log(10) / 20), n_fft)
    cepstrum[1 : n_fft // 2] *= 2.0
    cepstrum[n_fft // 2 + 1 :] = 0.0
    taps = np.fft.irfft(np.exp(np.fft.rfft(cepstrum)), n_fft)[:n_taps]
    fade = n_taps // 4  # a cut tail would ring; a faded one only loses resolution
    taps[n_taps - fade :] *= 0.5 + 0.5 * np.cos(np.pi * (np.arange(fade) + 0.5) / max(fade, 1))
    return taps


def _recorded(
    heard: Floats, model: DeviceModel, sample_rate_hz: int, rng: np.random.Generator
) -> Floats:
    import numpy as np

    taps = _device_fir(model, sample_rate_hz)
    clip = _convolved(heard, taps)[: len(heard)] * _amplitude(model.gain_db)
    noise_dbfs = model.noise_dbfs
    if model.noise_below_clip_db is not None:
        noise_dbfs = 20 * np.log10(max(_rms(clip), 1e-10)) - model.noise_below_clip_db
    if noise_dbfs is not None:
        clip = clip + _amplitude(noise_dbfs) * _noise(len(clip), model, sample_rate_hz, rng)
    if model.agc_target_dbfs is not None:
        clip = _levelled(clip, model, sample_rate_hz)
    if model.limiter_dbfs is not None:
        clip = _limited(clip, model, sample_rate_hz)
    ceiling = min(1.0, _amplitude(model.clip_dbfs))
    clip = np.clip(clip, -ceiling, ceiling)
    if model.codec is not None:
        # The encoder gets 16 bits, as in a device; so it does not magnify rounding errors.
        clip = np.rint(clip * 32767) / 32767
        clip = _coded(clip, model, sample_rate_hz)
    return np.clip(clip, -1.0, 1.0)


@functools.lru_cache(maxsize=64)
def _device_fir(model: DeviceModel, sample_rate_hz: int) -> Floats:
    import numpy as np

    grid_hz = np.geomspace(10.0, sample_rate_hz / 2, 2048)
    band_db = np.zeros_like(grid_hz)
    for edge_hz, sign in ((model.low_cut_hz, -1), (model.high_cut_hz, 1)):
        if edge_hz is not None:
            ratio = (grid_hz / edge_hz) ** (2 * sign * model.band_order)
            band_db -= 10 * np.log10(1 + np.minimum(ratio, 1e12))
    if not model.fir_taps:
        knots_hz = np.log(model.response_hz)
        gain_db = np.interp(np.log(grid_hz), knots_hz, model.response_db) + band_db
        return minimum_phase_fir(grid_hz, gain_db, model.n_taps, sample_rate_hz)
    given = np.asarray(model.fir_taps, np.float64)
    if model.low_cut_hz is None and model.high_cut_hz is None:
        return given
    return _convolved(given, minimum_phase_fir(grid_hz, band_db, model.n_taps, sample_rate_hz))


def _convolved(samples: Floats, taps: Floats) -> Floats:
    import numpy as np

    length = len(samples) + len(taps) - 1
    n_fft = _fast_length(length)
    spectrum = np.fft.rfft(samples, n_fft) * np.fft.rfft(taps, n_fft)
    return np.fft.irfft(spectrum, n_fft)[:length]


def _fast_length(length: int) -> int:
    power = 1 << (length - 1).bit_length()
    return next(n for n in (power * 5 // 8, power * 3 // 4, power) if n >= length)


def _noise(
    length: int, model: DeviceModel, sample_rate_hz: int, rng: np.random.Generator
) -> Floats:
    """Return noise of unit RMS with the model's spectrum: [length]."""
    import numpy as np

    n_fft = max(_fast_length(length), 8)
    freq_hz = np.fft.rfftfreq(n_fft, 1 / sample_rate_hz)
    gain_db = np.interp(
        np.log(np.maximum(freq_hz, freq_hz[1])), np.log(model.noise_hz), model.noise_db
    )
    shape = 10 ** (gain_db / 20)
    shape[0] = 0.0
    shape *= 1 / np.sqrt(np.mean(shape**2))  # so that white noise keeps its unit RMS
    return np.fft.irfft(np.fft.rfft(rng.standard_normal(n_fft)) * shape, n_fft)[:length]


def _levelled(clip: Floats, model: DeviceModel, sample_rate_hz: int) -> Floats:
    import numpy as np

    assert model.agc_target_dbfs is not None
    block = max(1, round(10 * BLOCK_S * sample_rate_hz))
    power = np.mean(_blocks(clip, block) ** 2, axis=1)
    level_db = 10 * np.log10(power + 1e-20)
    block_s = block / sample_rate_hz
    level_db = _envelope(
        level_db, model.agc_attack_db_per_s * block_s, model.agc_release_db_per_s * block_s
    )
    gain_db = (model.agc_target_dbfs - level_db) * (1 - 1 / model.agc_ratio)
    return _with_gain(clip, np.clip(gain_db, -model.agc_max_db, model.agc_max_db), block)


def _limited(clip: Floats, model: DeviceModel, sample_rate_hz: int) -> Floats:
    import numpy as np

    assert model.limiter_dbfs is not None
    block = max(1, round(BLOCK_S * sample_rate_hz))
    peak = np.max(np.abs(_blocks(clip, block)), axis=1)
    # The gain is interpolated between block centres, so that each block obeys its neighbours too.
    padded = np.pad(peak, 1, mode="edge")
    peak = np.maximum(np.maximum(padded[:-2], padded[2:]), peak)
    over_db = np.maximum(20 * np.log10(peak + 1e-10) - model.limiter_dbfs, 0.0)
    block_s = block / sample_rate_hz
    reduction_db = _envelope(
        over_db, model.limiter_attack_db_per_s * block_s, model.limiter_release_db_per_s * block_s
    )
    return _with_gain(clip, -reduction_db, block)


def _blocks(clip: Floats, block: int) -> Floats:
    import numpy as np

    n_blocks = -(-len(clip) // block)
    return np.pad(clip, (0, n_blocks * block - len(clip))).reshape(n_blocks, block)


def _envelope(level_db: Floats, rise_db: float, fall_db: float) -> Floats:
    """Return the smallest curve above level_db that rises and falls at most that fast per block."""
    import numpy as np

    ramp = np.arange(len(level_db), dtype=np.float64)
    falling = np.maximum.accumulate(level_db + fall_db * ramp) - fall_db * ramp
    rising: Floats = np.maximum.accumulate(falling[::-1] + rise_db * ramp) - rise_db * ramp
    return rising[::-1]


def _with_gain(clip: Floats, gain_db: Floats, block: int) -> Floats:
    import numpy as np

    centre = (np.arange(len(gain_db)) + 0.5) * block
    gain_db = np.interp(np.arange(len(clip)) + 0.5, centre, gain_db)
    return np.asarray(clip * 10 ** (gain_db / 20))


def _coded(clip: Floats, model: DeviceModel, sample_rate_hz: int) -> Floats:
    """Return the clip after encoding and decoding, aligned and of the same length."""
    import numpy as np

    delay = _codec_delay(model, sample_rate_hz)
    margin = sample_rate_hz // 20  # room for the delay and for the last block
    decoded = _round_trip(np.pad(clip, (0, margin)), model, sample_rate_hz)
    decoded = np.pad(decoded, (max(0, -delay), margin))[max(0, delay) :]
    return np.pad(decoded, (0, max(0, len(clip) - len(decoded))))[: len(clip)]


@functools.lru_cache(maxsize=64)
def _codec_delay(model: DeviceModel, sample_rate_hz: int) -> int:
    """Return by how many samples a codec is late, measured on noise (a tone would be ambiguous)."""
    import numpy as np

    length = sample_rate_hz
    probe = np.zeros(length)
    low = length // 4
    probe[low : low * 2] = 0.1 * np.random.default_rng(0).standard_normal(low)
    decoded = _round_trip(probe, model, sample_rate_hz)
    n_fft = _fast_length(length + len(decoded))
    likeness = np.fft.irfft(np.fft.rfft(decoded, n_fft) * np.conj(np.fft.rfft(probe, n_fft)), n_fft)
    lag = int(np.argmax(likeness))
    return lag - n_fft if lag > n_fft // 2 else lag


def _round_trip(clip: Floats, model: DeviceModel, sample_rate_hz: int) -> Floats:
    import numpy as np
    import soundfile

    assert model.codec is not None
    file_format, subtype = _FORMATS[model.codec]
    codec_level = min(model.codec_level, 0.99)  # libsndfile refuses 1.0 for MP3
    rate_hz = model.codec_rate_hz or sample_rate_hz
    sound = _resampled(clip, sample_rate_hz, rate_hz)
    buffer = io.BytesIO()
    with soundfile.SoundFile(
        buffer, "w", rate_hz, 1, subtype, format=file_format, compression_level=codec_level
    ) as file:
        file.write(sound)
    buffer.seek(0)
    decoded, _ = soundfile.read(buffer, dtype="float64")
    return _resampled(np.asarray(decoded, np.float64), rate_hz, sample_rate_hz)


def _resampled(clip: Floats, from_hz: int, to_hz: int) -> Floats:
    """Return the clip at another rate by cutting or padding its spectrum: [sample]."""
    import math

    import numpy as np

    if from_hz == to_hz:
        return clip
    common = math.gcd(from_hz, to_hz)
    step = from_hz // common  # whole steps on both sides, with silence so that the ends do not meet
    n_steps = -(-(len(clip) + from_hz // 50) // step)
    spectrum = np.fft.rfft(clip, n_steps * step)
    length = n_steps * (to_hz // common)
    resampled = np.fft.irfft(spectrum[: length // 2 + 1], length) * (length / (n_steps * step))
    return resampled[: -(-len(clip) * to_hz // from_hz)]


def _amplitude(level_db: float) -> float:
    return float(10 ** (level_db / 20))


def _rms(clip: Floats) -> float:
    import numpy as np

    return float(np.sqrt(np.mean(clip**2)))
