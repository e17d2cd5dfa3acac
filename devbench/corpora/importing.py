"""`devbench data import`: real recordings of the same events by several devices.

A file that is mono and at the corpus rate is copied byte for byte. Anything else is refused
unless the user declares the conversion (--channel, --rate); corpus.toml then tells it.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from devbench.audio.files import decode
from devbench.contract.names import is_name
from devbench.contract.values import Clip
from devbench.corpora.assembling import into_place, opaque_id, require_free, scratch_beside
from devbench.corpora.header import CorpusHeader, DeviceEntry
from devbench.corpora.manifest import Corpus, write_corpus
from devbench.corpora.pool import Progress, in_processes, no_progress
from devbench.corpora.rendering import convert_rate
from devbench.corpora.tables import Row, Table, read_table
from devbench.errors import ConfigurationError, DataError
from devbench.files import disk_errors, read_bytes, sha256_bytes
from devbench.models import validated

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Channel = Literal["first", "mix"]
COLUMNS = ("path", "device", "label", "event_id")
OPTIONAL = ("group", "fold", "device_label", "device_kind")


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What the user asked for.

    channel: what to take of files with several channels; None refuses them. rate_hz: convert
    files of another rate to it by soxr HQ; None demands one rate in all files.
    """

    manifest: Path
    out: Path
    name: str
    licence: str
    citation: str
    version: int = 1
    channel: Channel | None = None
    rate_hz: int | None = None


@dataclass(frozen=True, slots=True)
class _Line:
    """One row of the user's manifest, checked, before its file is opened."""

    row: Row
    source: Path
    device: str
    label: str
    event_id: str
    group: str
    fold: int


@dataclass(frozen=True, slots=True)
class _Job:
    source: Path
    target: Path  # without its suffix: the sound decides between .wav and .flac
    channel: Channel | None
    rate_hz: int | None


@dataclass(frozen=True, slots=True)
class _Copied:
    """What lies in the corpus of one file; source_rate_hz is the rate that it came with."""

    file_name: str
    sha256: str
    pcm_sha256: str
    n_samples: int
    n_channels: int
    source_rate_hz: int
    is_silent: bool


def import_corpus(
    request: ImportRequest, *, jobs: int = 1, progress: Progress = no_progress
) -> Corpus:
    """Copy the recordings of a manifest into request.out, which appears whole or not at all.

    Raises ConfigurationError with file, line, column and expectation; DataError with the path of
    a sound file that cannot be taken as it is.
    """
    table = read_table(request.manifest, required=COLUMNS)
    lines = _lines(table)
    devices = _devices(table, lines)
    require_free(request.out)
    with scratch_beside(request.out) as scratch:
        work = [
            _Job(
                source=line.source,
                target=scratch / "audio" / line.device / opaque_id(request.name, line.event_id),
                channel=request.channel,
                rate_hz=request.rate_hz,
            )
            for line in lines
        ]
        copied = list(in_processes(_copy, work, jobs=jobs, progress=progress))
        rate_hz = _one_rate(request, lines, copied)
        _refuse_twins(lines, copied)
        header = _header(request, devices, lines, copied, rate_hz)
        clips = [_clip(line, result) for line, result in zip(lines, copied, strict=True)]
        corpus = write_corpus(scratch, header, clips)
        return into_place(scratch, request.out, corpus.fingerprint)


def _lines(table: Table) -> list[_Line]:
    """Return the checked rows sorted by event and device."""
    found: dict[tuple[str, str], _Line] = {}
    facts: dict[str, _Line] = {}
    fold_of: dict[str, _Line] = {}
    sources: dict[Path, _Line] = {}
    for row in table.rows:
        event_id = row.text("event_id")
        line = _Line(
            row=row,
            source=row.file("path"),
            device=_name_cell(row, "device"),
            label=_name_cell(row, "label"),
            event_id=event_id,
            group=row.text("group") if row.get("group") else event_id,
            fold=row.whole_number("fold", default=0),
        )
        first = facts.setdefault(event_id, line)
        for column in ("label", "group", "fold"):
            expected = getattr(first, column)
            if getattr(line, column) != expected:
                where = first.row.line
                raise row.refuse(
                    column, f"{expected!r} as in line {where}: {event_id!r} is one event"
                )
        twin = found.setdefault((event_id, line.device), line)
        if twin is not line:
            raise row.refuse(
                "event_id",
                f"another event: line {twin.row.line} has {event_id!r} by {line.device!r} already",
            )
        mate = fold_of.setdefault(line.group, line)
        if mate.fold != line.fold:
            raise row.refuse(
                "fold", f"{mate.fold} as in line {mate.row.line}, of the same group {line.group!r}"
            )
        other = sources.setdefault(line.source.resolve(), line)
        if other is not line:
            raise row.refuse("path", f"a file of its own: line {other.row.line} names it too")
    return [found[key] for key in sorted(found)]


def _name_cell(row: Row, column: str) -> str:
    value = row.text(column)
    if not is_name(value):
        raise row.refuse(column, "lower-case words of letters and digits joined by '-'")
    return value


def _devices(table: Table, lines: Sequence[_Line]) -> list[dict[str, str]]:
    """Return id, label and kind of each device in the order in which the manifest names them."""
    told: dict[str, dict[str, tuple[str, int]]] = {}
    named = {line.row.line: line.device for line in lines}
    for row in table.rows:
        facts = told.setdefault(named[row.line], {})
        for column, longest in (("device_label", 120), ("device_kind", 60)):
            if not row.get(column):
                continue
            value, at = facts.setdefault(column, (row.text(column, longest=longest), row.line))
            if row.get(column) != value:
                raise row.refuse(column, f"{value!r} as in line {at}, of the same device")
    return [
        {
            "id": device,
            "label": facts.get("device_label", (device, 0))[0],
            "kind": facts.get("device_kind", ("unknown", 0))[0],
        }
        for device, facts in told.items()
    ]


def _copy(job: _Job) -> _Copied:
    """Bring one file into the corpus folder and say what was found in it."""
    import numpy as np

    data = read_bytes(job.source)
    _require_whole(data, job.source)
    samples, source_rate_hz = decode(data, origin=str(job.source))
    n_channels = samples.shape[0]
    if n_channels > 1 and job.channel is None:
        raise DataError(
            f"{job.source}: {n_channels} channels where one is expected",
            fix="declare what to take: --channel first or --channel mix",
        )
    rate_hz = job.rate_hz or source_rate_hz
    mono = samples[0]
    if n_channels > 1 or rate_hz != source_rate_hz:
        if job.channel == "mix":
            mono = samples.mean(axis=0, dtype=np.float64).astype(np.float32)
        if rate_hz != source_rate_hz:
            mono = convert_rate(mono.astype(np.float64), source_rate_hz, rate_hz)
        data = _encoded_again(data, mono, rate_hz)
        mono = decode(data, origin=str(job.source))[0][0]
    suffix = ".flac" if data[:4] == b"fLaC" else ".wav"
    target = job.target.with_name(job.target.name + suffix)
    target.parent.mkdir(parents=True, exist_ok=True)
    with disk_errors(target):
        target.write_bytes(data)
    return _Copied(
        file_name=target.name,
        sha256=sha256_bytes(data),
        pcm_sha256=sha256_bytes(mono.tobytes()),
        n_samples=len(mono),
        n_channels=n_channels,
        source_rate_hz=source_rate_hz,
        is_silent=not bool(np.any(mono)),
    )


def _require_whole(data: bytes, path: Path) -> None:
    """Refuse a WAV file that was cut off; libsndfile would read what is left without a word."""
    claimed = int.from_bytes(data[4:8], "little") + 8
    if data[:4] == b"RIFF" and claimed > len(data) + 1:  # a missing pad byte is common and harmless
        raise DataError(
            f"{path}: {len(data)} bytes where its header says {claimed}",
            fix="copy the file again: it was cut off",
        )


def _encoded_again(data: bytes, mono: NDArray[np.floating], rate_hz: int) -> bytes:
    """Return [sample] in the subtype of the file it came from; unchanged samples stay exact."""
    import numpy as np
    import soundfile

    subtype = soundfile.info(io.BytesIO(data)).subtype
    buffer = io.BytesIO()
    if subtype == "FLOAT":
        soundfile.write(buffer, mono.astype(np.float32), rate_hz, format="WAV", subtype=subtype)
        return buffer.getvalue()
    # Integers of our own: libsndfile would scale by 32767 what it had divided by 32768.
    n_bits = 16 if subtype == "PCM_16" else 24
    full = 2 ** (n_bits - 1)
    whole = np.clip(np.rint(mono.astype(np.float64) * full), -full, full - 1).astype(np.int32)
    whole <<= 32 - n_bits  # int32 is written by its upper bits
    soundfile.write(buffer, whole, rate_hz, format="FLAC", subtype=subtype)
    return buffer.getvalue()


def _one_rate(request: ImportRequest, lines: Sequence[_Line], copied: Sequence[_Copied]) -> int:
    if request.rate_hz is not None:
        return request.rate_hz
    first = copied[0].source_rate_hz
    for line, result in zip(lines, copied, strict=True):
        if result.source_rate_hz != first:
            raise DataError(
                f"{line.source}: {result.source_rate_hz} Hz where {lines[0].source} has {first} Hz",
                fix=f"ask for the conversion of all files (soxr, quality HQ), e.g. --rate {first}",
            )
    return first


def _refuse_twins(lines: Sequence[_Line], copied: Sequence[_Copied]) -> None:
    heard: dict[str, _Line] = {}
    for line, result in zip(lines, copied, strict=True):
        if result.is_silent:
            continue  # silence equals silence; `data check` names such files
        twin = heard.setdefault(result.pcm_sha256, line)
        if twin.group != line.group:
            raise DataError(
                f"{twin.source} and {line.source} hold the same sound but belong to the groups "
                f"{twin.group!r} and {line.group!r}",
                fix="give both the same group, or leave one out: a split would tear them apart",
            )


def _header(
    request: ImportRequest,
    devices: Sequence[dict[str, str]],
    lines: Sequence[_Line],
    copied: Sequence[_Copied],
    rate_hz: int,
) -> CorpusHeader:
    rates = {device["id"]: rate_hz for device in devices}
    for line, result in zip(lines, copied, strict=True):
        rates[line.device] = result.source_rate_hz
    n_mixed = sum(result.n_channels > 1 for result in copied)
    n_converted = sum(result.source_rate_hz != rate_hz for result in copied)
    changes = [
        *([f"{n_mixed} files made mono (channel: {request.channel})"] if n_mixed else []),
        *([f"{n_converted} files converted to {rate_hz} Hz (soxr HQ)"] if n_converted else []),
    ]
    told = f" Changes by devbench: {'; '.join(changes)}." if changes else ""
    n_events, n_classes = len({x.event_id for x in lines}), len({x.label for x in lines})
    for key, value in (("--licence", request.licence), ("--citation", request.citation)):
        if not value.strip():
            raise ConfigurationError(f"{key} is empty", fix="say it, or write 'unknown'")
    return validated(
        CorpusHeader,
        {
            "name": request.name,
            "version": request.version,
            "title": f"{n_events} events of {n_classes} classes, recorded by "
            f"{len(devices)} devices",
            "provenance": "measured",
            "licence": request.licence.strip(),
            "citation": request.citation.strip() + told,
            "sample_rate_hz": rate_hz,
            "devices": [
                DeviceEntry(**device, sample_rate_hz=rates[device["id"]], provenance="measured")
                for device in devices
            ],
        },
        origin="the corpus header made of the options and the manifest",
    )


def _clip(line: _Line, result: _Copied) -> Clip:
    stem = result.file_name.rpartition(".")[0]
    return Clip(
        clip_id=f"{stem}-{line.device}",
        event_id=line.event_id,
        device=line.device,
        label=line.label,
        path=f"audio/{line.device}/{result.file_name}",
        sha256=result.sha256,
        n_samples=result.n_samples,
        group=line.group,
        fold=line.fold,
    )


def channel_named(text: str | None) -> Channel | None:
    """Return a --channel option as its type; click has checked the words."""
    return cast("Channel | None", text)
