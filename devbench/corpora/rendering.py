"""One labelled clip through measured devices: what `devbench data build` does to every clip.

A measured response alone would be a task that one constant per mel band undoes, so each device
also has a gain, a noise floor with its own spectrum and a limiter. These are not measured: they
follow from the device's name within RANGES, and the corpus says so.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devbench.audio.files import decode, write_clip
from devbench.benchmark.seeds import seed_for
from devbench.errors import DataError
from devbench.files import read_bytes, sha256_bytes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from devbench.audio.simulate import DeviceModel

    Floats = NDArray[np.float64]

RECIPE = "measured-devices-1"  # another rendering is another recipe, and another corpus
COMMON_DBFS = -26.0
RANGES = {
    "gain_db": (-8.0, 4.0),
    "noise_below_clip_db": (35.0, 50.0),
    "noise_tilt_db_per_octave": (-4.0, 1.0),
    "noise_knot_db": (-4.0, 4.0),
    "limiter_dbfs": (-15.0, -3.0),
    "limiter_release_db_per_s": (60.0, 400.0),
}
NOISE_KNOTS_HZ = (60.0, 250.0, 1000.0, 4000.0, 10000.0)
IMPULSE_PEAK = 0.7  # 3 dB below full scale


@dataclass(frozen=True, slots=True)
class Microphone:
    """One device that clips are rendered through.

    device: public name. fir_path: its minimum-phase response at the corpus rate.
    recorder_rate_hz: rate of the recorder it was measured with; above half of it there is nothing.
    """

    device: str
    fir_path: Path
    fir_sha256: str
    recorder_rate_hz: int


@dataclass(frozen=True, slots=True)
class RenderJob:
    """One source clip, all devices. file_id: the name of its files, which says nothing."""

    source: Path
    source_sha256: str
    event_id: str
    file_id: str
    sample_rate_hz: int
    may_convert: bool
    microphones: tuple[Microphone, ...]
    folder: Path


@dataclass(frozen=True, slots=True)
class Rendered:
    """What came of one source clip. files: (device, path below the corpus folder, SHA-256)."""

    pcm_sha256: str
    source_rate_hz: int
    n_samples: int
    files: tuple[tuple[str, str, str], ...]


def device_settings(device: str) -> dict[str, Any]:
    """Return gain, noise floor and limiter of a device: drawn once by its name within RANGES."""

    def draw(name: str, *words: str) -> float:
        low, high = RANGES[name]
        return round(low + (high - low) * seed_for(0, RECIPE, device, name, *words) / 2**63, 2)

    import math

    tilt = draw("noise_tilt_db_per_octave")
    return {
        "level_dbfs": COMMON_DBFS,
        "gain_db": draw("gain_db"),
        "noise_below_clip_db": draw("noise_below_clip_db"),
        "noise_hz": NOISE_KNOTS_HZ,
        "noise_db": tuple(
            round(tilt * math.log2(freq_hz / 1000.0) + draw("noise_knot_db", str(freq_hz)), 2)
            for freq_hz in NOISE_KNOTS_HZ
        ),
        "limiter_dbfs": draw("limiter_dbfs"),
        "limiter_release_db_per_s": draw("limiter_release_db_per_s"),
    }


def read_taps(microphone: Microphone, sample_rate_hz: int) -> Floats:
    """Return the response of a device as a filter: [tap] float64."""
    import numpy as np

    data = _unchanged(microphone.fir_path, microphone.fir_sha256)
    taps, rate_hz = decode(data, origin=str(microphone.fir_path))
    if taps.shape[0] != 1 or rate_hz != sample_rate_hz:
        raise DataError(
            f"{microphone.fir_path}: {taps.shape[0]} channels at {rate_hz} Hz where one at "
            f"{sample_rate_hz} Hz is needed",
            fix="give a filter for the rate of the corpus",
        )
    if not float(np.max(np.abs(taps))) > 0:
        raise DataError(f"{microphone.fir_path}: the response is silent", fix="replace the file")
    mono: Floats = taps[0].astype(np.float64)
    return mono


def impulse_of(microphone: Microphone, sample_rate_hz: int) -> Floats:
    """Return what the device records of one impulse: 200 ms [sample] float64, 16 bit.

    The impulse comes after 20 ms, 3 dB below full scale, and is averaged until no noise is left
    beside that of 16 bits. UMC (arXiv 2410.18322), section 5.1.
    """
    import numpy as np

    taps = read_taps(microphone, sample_rate_hz)
    impulse = np.zeros(max(sample_rate_hz // 5, sample_rate_hz // 50 + len(taps)))
    start = sample_rate_hz // 50
    impulse[start : start + len(taps)] = taps
    impulse = band_limited(impulse, sample_rate_hz, microphone.recorder_rate_hz)
    impulse *= IMPULSE_PEAK / np.max(np.abs(impulse))
    recorded: Floats = np.rint(impulse * 32768) / 32768
    return recorded


def band_limited(samples: Floats, sample_rate_hz: int, recorder_rate_hz: int) -> Floats:
    """Return samples as a recorder of a lower rate keeps them: [sample]; nothing above its half.

    Zero phase; the last 5 % of the band fade out, as resamplers do.
    """
    import numpy as np

    edge_hz = recorder_rate_hz / 2
    if edge_hz >= sample_rate_hz / 2:
        return samples
    n_fft = 1 << (len(samples) + sample_rate_hz // 10).bit_length()  # room for the ringing
    freq_hz = np.fft.rfftfreq(n_fft, 1 / sample_rate_hz)
    beyond = np.clip((freq_hz - 0.95 * edge_hz) / (0.05 * edge_hz), 0, 1)  # 0 keeps, 1 removes
    gain = 0.5 + 0.5 * np.cos(np.pi * beyond)
    kept: Floats = np.fft.irfft(np.fft.rfft(samples, n_fft) * gain, n_fft)[: len(samples)]
    return kept


def render_job(job: RenderJob) -> Rendered:
    """Write one source clip as recorded by every device: the same bytes in any process."""
    import numpy as np

    from devbench.audio.simulate import render

    data = _unchanged(job.source, job.source_sha256)
    samples, rate_hz = source_samples(data, job)
    level = float(np.sqrt(np.mean(samples**2)))
    if level < 1e-6:
        raise DataError(f"{job.source}: the clip is silent", fix="leave it out of the table")
    models = [device_model(microphone, job.sample_rate_hz) for microphone in job.microphones]
    n_fft = _fft_length(len(samples) + max(len(taps) for taps, _ in models) - 1)
    spectrum = np.fft.rfft(samples, n_fft)
    files: list[tuple[str, str, str]] = []
    for microphone, (taps, model) in zip(job.microphones, models, strict=True):
        heard = np.fft.irfft(spectrum * np.fft.rfft(taps, n_fft), n_fft)[: len(samples)]
        recorded = render(
            heard,
            model,
            sample_rate_hz=job.sample_rate_hz,
            seed=seed_for(0, RECIPE, "noise", microphone.device, job.event_id),
        )
        recorded = band_limited(recorded, job.sample_rate_hz, microphone.recorder_rate_hz)
        path = f"audio/{microphone.device}/{job.file_id}.flac"
        sha256 = write_clip(job.folder / path, np.clip(recorded, -1, 1), job.sample_rate_hz)
        files.append((microphone.device, path, sha256))
    return Rendered(sha256_bytes(samples.tobytes()), rate_hz, len(samples), tuple(files))


@functools.lru_cache(maxsize=256)
def device_model(microphone: Microphone, sample_rate_hz: int) -> tuple[Floats, DeviceModel]:
    """Return the filter of a device and everything that it does after it.

    The filter comes first, so that all devices record every clip at one RMS before their gain
    and each noise floor stands equally far below all clips.
    """
    from devbench.audio.simulate import DeviceModel

    model = DeviceModel(fir_taps=(1.0,), **device_settings(microphone.device))
    return read_taps(microphone, sample_rate_hz), model


def source_samples(data: bytes, job: RenderJob) -> tuple[Floats, int]:
    """Return (samples [sample] at the corpus rate, rate of the file); convert only when asked."""
    import numpy as np

    samples, rate_hz = decode(data, origin=str(job.source))
    if samples.shape[0] != 1:
        raise DataError(
            f"{job.source}: {samples.shape[0]} channels where one is expected",
            fix="mix it down before; devbench never mixes silently",
        )
    mono = samples[0].astype(np.float64)
    if rate_hz == job.sample_rate_hz:
        return mono, rate_hz
    if not job.may_convert:
        raise DataError(
            f"{job.source}: {rate_hz} Hz where the responses have {job.sample_rate_hz} Hz",
            fix=f"ask for the conversion (soxr, quality HQ) with --rate {job.sample_rate_hz}",
        )
    return convert_rate(mono, rate_hz, job.sample_rate_hz), rate_hz


def convert_rate(samples: Floats, from_hz: int, to_hz: int) -> Floats:
    """Return samples [sample] at another rate by soxr, quality HQ."""
    import numpy as np
    import soxr

    return np.asarray(soxr.resample(samples, from_hz, to_hz, quality="HQ"), np.float64)


def _unchanged(path: Path, sha256: str) -> bytes:
    data = read_bytes(path)
    if sha256_bytes(data) != sha256:
        raise DataError(f"{path}: the file changed while it was read", fix="build again")
    return data


def _fft_length(length: int) -> int:
    power = 1 << (length - 1).bit_length()
    return next(n for n in (power * 5 // 8, power * 3 // 4, power) if n >= length)
