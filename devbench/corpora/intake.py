"""One recording on its way into a corpus: read, held against what was declared, copied, measured.

A file that is mono and at the corpus rate is copied byte for byte. Anything else is refused
unless the conversion was declared.
"""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from devbench.audio.files import decode, is_flac_rate
from devbench.corpora.defects import Finding, Measured, listen
from devbench.corpora.rendering import convert_rate
from devbench.corpora.riff import require_whole
from devbench.errors import DataError
from devbench.files import disk_errors, read_bytes, sha256_bytes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Channel = Literal["first", "mix"]


@dataclass(frozen=True, slots=True)
class CopyJob:
    """One file and where it goes.

    folder: of the corpus. target: below it, without a suffix: the sound decides between .wav and
    .flac. channel: what to take of several; None refuses them. rate_hz: convert to it; None keeps
    the file's own. may_fix: take the first of several channels when all are equal.
    """

    source: Path
    folder: Path
    target: str
    channel: Channel | None
    rate_hz: int | None
    may_fix: bool


@dataclass(frozen=True, slots=True)
class Copied:
    """What lies in the corpus of one file; source_rate_hz is the rate that it came with.

    change: how several channels became one: '', 'first', 'mix' or 'equal channels'.
    """

    file_name: str
    sha256: str
    n_samples: int
    source_rate_hz: int
    change: str
    measured: Measured

    def document(self) -> dict[str, Any]:
        """Return the value for a journal."""
        return asdict(self)

    @staticmethod
    def from_document(document: dict[str, Any]) -> Copied:
        """Return the value of a journal's line; raises TypeError or KeyError for any other."""
        measured = dict(document["measured"])
        measured["findings"] = tuple(Finding(**found) for found in measured["findings"])
        return Copied(**{**document, "measured": Measured(**measured)})


def copy(job: CopyJob) -> Copied:
    """Bring one file into the corpus folder and say what was found in it.

    Raises DataError with the path where it is cut off, cannot be decoded, or would have to be
    converted in a way that was not declared.
    """
    data = read_bytes(job.source)
    require_whole(data, job.source)
    samples, source_rate_hz = decode(data, origin=str(job.source))
    rate_hz = job.rate_hz or source_rate_hz
    mono, change = _one_channel(samples, job)
    if change or rate_hz != source_rate_hz:
        if rate_hz != source_rate_hz:
            mono = convert_rate(mono.astype("float64"), source_rate_hz, rate_hz)
        data = _encoded_again(data, mono, rate_hz)
        mono = decode(data, origin=str(job.source))[0][0]
    path = job.target + (".flac" if data[:4] == b"fLaC" else ".wav")
    target = job.folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    with disk_errors(target):
        target.write_bytes(data)
    return Copied(
        file_name=target.name,
        sha256=sha256_bytes(data),
        n_samples=len(mono),
        source_rate_hz=source_rate_hz,
        change=change,
        measured=listen(path, mono, rate_hz),
    )


def _one_channel(samples: NDArray[np.float32], job: CopyJob) -> tuple[NDArray[np.floating], str]:
    """Return ([sample], how it came of [channel, sample])."""
    import numpy as np

    n_channels = samples.shape[0]
    if n_channels == 1:
        return samples[0], ""
    if job.may_fix and bool(np.all(samples == samples[0])):
        return samples[0], "equal channels"
    if job.channel is None:
        raise DataError(
            f"{job.source}: {n_channels} channels where one is expected",
            fix="declare what to take: --channel first or --channel mix",
        )
    if job.channel == "mix":
        return samples.mean(axis=0, dtype=np.float64).astype(np.float32), "mix"
    return samples[0], "first"


def _encoded_again(data: bytes, mono: NDArray[np.floating], rate_hz: int) -> bytes:
    """Return [sample] in the subtype of the file it came from; unchanged samples stay exact."""
    import numpy as np
    import soundfile

    subtype = soundfile.info(io.BytesIO(data)).subtype
    buffer = io.BytesIO()
    if subtype == "FLOAT":
        soundfile.write(buffer, mono.astype(np.float32), rate_hz, format="WAV", subtype=subtype)
        return buffer.getvalue()
    container = "FLAC" if is_flac_rate(rate_hz) else "WAV"
    # Integers of our own: libsndfile would scale by 32767 what it had divided by 32768.
    n_bits = 16 if subtype == "PCM_16" else 24
    full = 2 ** (n_bits - 1)
    whole = np.clip(np.rint(mono.astype(np.float64) * full), -full, full - 1).astype(np.int32)
    whole <<= 32 - n_bits  # int32 is written by its upper bits
    soundfile.write(buffer, whole, rate_hz, format=container, subtype=subtype)
    return buffer.getvalue()
