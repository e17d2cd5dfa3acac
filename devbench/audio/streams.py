"""Sound files block by block: of any length, rate and number of channels, in bounded memory."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from devbench.audio.files import ALLOWED, RATES_HZ
from devbench.errors import DataError, RunError, UsageError
from devbench.files import publish_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float64]

BLOCK_SAMPLES = 1 << 16
MAX_CHANNELS = 64
MAX_CHANNEL_HOURS = 12.0
MAX_WAV_BYTES = 2**32 - 2**16
SUFFIXES = {".wav": "WAV", ".flac": "FLAC"}
BITS = {"PCM_16": 16, "PCM_24": 24}


@dataclass(frozen=True, slots=True)
class SoundHeader:
    """What the header of a sound file says. container: WAV, WAVEX or FLAC; subtype: PCM_16 ..."""

    path: Path
    sample_rate_hz: int
    n_channels: int
    n_samples: int
    container: str
    subtype: str

    @property
    def duration_s(self) -> float:
        """Return the length in seconds."""
        return self.n_samples / self.sample_rate_hz


def read_header(path: Path) -> SoundHeader:
    """Return the header of a WAV or FLAC file.

    Raises DataError where there is no file, no sound, no sample, or more than can be worked on.
    """
    import soundfile

    if not path.is_file():
        raise DataError(
            f"no sound file {str(path)!r}", fix="check the path; a WAV or FLAC file is wanted"
        )
    with _decoding(path), soundfile.SoundFile(path) as file:
        header = SoundHeader(
            path, file.samplerate, file.channels, file.frames, file.format, file.subtype
        )
    low_hz, high_hz = RATES_HZ
    if (header.container, header.subtype) not in ALLOWED:
        raise DataError(
            f"{path}: {header.container} {header.subtype} is not read",
            fix="convert it to FLAC or to WAV with 16, 24 or float bits",
        )
    if header.n_samples <= 0:
        raise DataError(f"{path}: the file holds no sample", fix="give a sound that is not empty")
    if not low_hz <= header.sample_rate_hz <= high_hz or header.n_channels > MAX_CHANNELS:
        raise DataError(
            f"{path}: {header.n_channels} channels at {header.sample_rate_hz} Hz",
            fix=f"give {low_hz} to {high_hz} Hz and at most {MAX_CHANNELS} channels",
        )
    if header.duration_s * header.n_channels > MAX_CHANNEL_HOURS * 3600:
        raise DataError(
            f"{path}: {header.duration_s / 3600:.1f} hours x {header.n_channels} channels",
            fix=f"cut it into parts of at most {MAX_CHANNEL_HOURS:g} hours times channels",
        )
    return header


def read_blocks(header: SoundHeader) -> Iterator[Samples]:
    """Yield the samples of a file: [sample, channel] float64 in ±1.

    Raises DataError where it ends early, cannot be decoded or holds NaN or infinite samples.
    """
    import numpy as np
    import soundfile

    found = 0
    with _decoding(header.path), soundfile.SoundFile(header.path) as file:
        while True:
            block: Samples = file.read(BLOCK_SAMPLES, dtype="float64", always_2d=True)
            if len(block) == 0:
                break
            finite = np.isfinite(block).all(axis=1)
            if not bool(finite.all()):
                place_s = (found + int(np.argmin(finite))) / header.sample_rate_hz
                raise DataError(
                    f"{header.path}: NaN or infinite samples at {place_s:.3f} s",
                    fix="mend the file: every sample must be a number",
                )
            found += len(block)
            yield block
    if found != header.n_samples:
        raise DataError(
            f"{header.path}: {found} samples where the header says {header.n_samples}",
            fix="the file is cut off; replace it",
        )


def require_output(path: Path, header: SoundHeader, *, force: bool) -> tuple[str, str]:
    """Return (container, subtype) of the file to write: those of the input where path lets them.

    Raises UsageError for a suffix that is not written and a file that is there, DataError for a
    folder that is not.
    """
    container = SUFFIXES.get(path.suffix.lower())
    if container is None:
        raise UsageError(
            f"--out {str(path)!r}: no sound is written as {path.suffix or 'a file without suffix'}",
            fix=f"name a file that ends in {' or '.join(SUFFIXES)}",
        )
    if not path.parent.is_dir():
        raise DataError(f"no folder {str(path.parent)!r} for --out", fix=f"mkdir {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise DataError(
            f"cannot write into {str(path.parent)!r}", fix="choose another folder for --out"
        )
    if path.is_dir() or (path.exists() and not force):
        raise UsageError(f"{str(path)!r} is there already", fix="name another --out, or --force")
    subtype = header.subtype
    if container == "FLAC":
        if header.n_channels > 8:
            raise UsageError(
                f"FLAC holds 8 channels, not {header.n_channels}", fix="name a file with .wav"
            )
        if header.sample_rate_hz > 655_350:
            raise UsageError(
                f"FLAC holds no {header.sample_rate_hz} Hz", fix="name a file with .wav"
            )
        subtype = "PCM_24" if subtype == "FLOAT" else subtype
    elif header.container == "WAVEX":
        container = "WAVEX"
    n_bytes = header.n_samples * header.n_channels * (BITS.get(subtype, 32) // 8)
    if container != "FLAC" and n_bytes > MAX_WAV_BYTES:
        raise UsageError(f"{n_bytes} bytes are more than a WAV file holds", fix="write a .flac")
    return container, subtype


def is_integer(subtype: str) -> bool:
    """Return whether a subtype ends at full scale; floats do not."""
    return subtype in BITS


def write_blocks(
    path: Path,
    blocks: Iterable[Samples],
    *,
    sample_rate_hz: int,
    n_channels: int,
    container: str,
    subtype: str,
) -> None:
    """Write [sample, channel] blocks into a sound file that is seen whole or not at all.

    Integers are rounded here: n bits hold sample * 2 ** (n - 1), as they are read, so that what
    was not changed is written as it was. Samples beyond full scale are cut off.
    """
    import numpy as np
    import soundfile

    temporary = path.with_name(f".{path.name[:80]}.{secrets.token_hex(6)}.tmp")
    bits = BITS.get(subtype)
    try:
        with soundfile.SoundFile(
            temporary, "x", sample_rate_hz, n_channels, subtype, format=container
        ) as file:
            for block in blocks:
                if bits is None:
                    file.write(block.astype(np.float32))
                    continue
                steps = 2.0 ** (bits - 1)
                whole = np.clip(np.rint(block * steps), -steps, steps - 1).astype(np.int32)
                file.write(whole << (32 - bits))  # libsndfile takes the upper bits of 32
        publish_file(temporary, path, replace=True)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise RunError(
            f"cannot write {str(path)!r}: {str(error)[:120]}",
            fix="look whether the disk is full and the folder may be written to",
            state="disk",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _decoding(path: Path) -> Iterator[None]:
    """Turn what libsndfile says into one clear error."""
    import soundfile

    try:
        yield
    except (soundfile.LibsndfileError, RuntimeError, TypeError, ValueError) as error:
        raise DataError(
            f"{path}: no sound can be decoded ({str(error)[:120]})",
            fix="give a WAV or FLAC file; the ending of its name does not make it one",
        ) from error
