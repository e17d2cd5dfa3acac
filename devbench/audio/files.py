"""Sound files: an allow-list of formats, and expectations that come from the manifest."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from devbench.errors import DataError
from devbench.files import disk_errors, read_bytes, sha256_bytes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ALLOWED = {
    *((container, subtype) for container in ("WAV", "WAVEX") for subtype in ("PCM_16", "PCM_24")),
    *((container, "FLOAT") for container in ("WAV", "WAVEX")),
    *(("FLAC", subtype) for subtype in ("PCM_16", "PCM_24")),
}
RATES_HZ = (1000, 768_000)
MAX_FILE_BYTES = 512 * 2**20
MAX_SAMPLES = 200_000_000


def decode(data: bytes, *, origin: str) -> tuple[NDArray[np.float32], int]:
    """Return (samples [channel, sample] float32 in ±1, rate in Hz) of the bytes of a sound file.

    Only WAV (16 and 24 bit, float) and FLAC are decoded; the header is checked before.
    """
    import numpy as np
    import soundfile

    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            if (file.format, file.subtype) not in ALLOWED:
                raise DataError(
                    f"{origin}: {file.format} {file.subtype} is not read",
                    fix="convert it to FLAC or to WAV with 16, 24 or float bits",
                )
            if not 0 < file.frames * file.channels <= MAX_SAMPLES:
                raise DataError(
                    f"{origin}: the header claims {file.frames} samples x {file.channels} channels",
                    fix="replace the file: it is empty, damaged or far too long",
                )
            low_hz, high_hz = RATES_HZ
            if not low_hz <= file.samplerate <= high_hz:
                raise DataError(
                    f"{origin}: {file.samplerate} Hz", fix=f"give {low_hz} to {high_hz} Hz"
                )
            samples = file.read(dtype="float32", always_2d=True)
            rate_hz = int(file.samplerate)
    except (soundfile.LibsndfileError, RuntimeError, TypeError, ValueError) as error:
        raise DataError(
            f"{origin}: no sound can be decoded ({str(error)[:120]})", fix="replace the file"
        ) from error
    if not bool(np.all(np.isfinite(samples))):
        raise DataError(f"{origin}: NaN or infinite samples", fix="replace the file")
    return np.ascontiguousarray(samples.T), rate_hz


def read_clip(
    path: Path, *, sha256: str, n_samples: int, sample_rate_hz: int
) -> NDArray[np.float32]:
    """Return the samples of one mono clip [sample], float32 in ±1, held against its manifest row.

    Raises DataError with path, expected and found value when hash, rate, channels or length differ.
    """
    if not path.exists():
        raise DataError(f"{path}: the file is missing", fix="build or import the corpus again")
    data = read_bytes(path)
    found = sha256_bytes(data)
    if found != sha256:
        raise DataError(
            f"{path}: hash {found[:12]}… where the manifest says {sha256[:12]}…",
            fix="restore the file, or build the corpus again if the change is wanted",
        )
    samples, rate_hz = decode(data, origin=str(path))
    for what, expected, got in (
        ("rate in Hz", sample_rate_hz, rate_hz),
        ("channels", 1, samples.shape[0]),
        ("length in samples", n_samples, samples.shape[1]),
    ):
        if expected != got:
            raise DataError(
                f"{path}: {what} is {got} where the manifest says {expected}",
                fix="build or import the corpus again; devbench never converts silently",
            )
    mono: NDArray[np.float32] = samples[0]
    return mono


def is_flac_rate(rate_hz: int) -> bool:
    """Return whether the header of a FLAC file can hold a rate."""
    return rate_hz <= 65_535 or (rate_hz <= 655_350 and rate_hz % 10 == 0)


def encode_flac(samples: NDArray[np.floating], sample_rate_hz: int) -> bytes:
    """Return [sample] in ±1 as the bytes of a 16-bit mono FLAC file.

    Raises DataError for a rate that FLAC cannot say.
    """
    import numpy as np
    import soundfile

    if not is_flac_rate(sample_rate_hz):
        raise DataError(
            f"no FLAC file has {sample_rate_hz} Hz",
            fix="choose a rate in tens of Hz, below 655 kHz",
        )
    pcm = np.clip(np.rint(np.asarray(samples, np.float64) * 32767.0), -32768, 32767)
    buffer = io.BytesIO()
    soundfile.write(buffer, pcm.astype(np.int16), sample_rate_hz, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def write_clip(path: Path, samples: NDArray[np.floating], sample_rate_hz: int) -> str:
    """Write [sample] as 16-bit FLAC and return the SHA-256 of the file.

    Not synced to disk one by one: whoever builds a corpus works in a scratch folder and moves it
    to its name when all is written.
    """
    data = encode_flac(samples, sample_rate_hz)
    path.parent.mkdir(parents=True, exist_ok=True)
    with disk_errors(path):
        path.write_bytes(data)
    return sha256_bytes(data)
