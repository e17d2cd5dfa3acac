"""`devbench data import`: real recordings of the same events by several devices.

A layout (layouts.py) turns what third parties lay out into one table. Every file is copied and
measured in one pass (intake.py); an interrupted import continues (resuming.py); the corpus folder
appears whole or not at all, with import.json beside the manifest.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from devbench.audio.responses import read_response, response_of_impulse, write_response
from devbench.contract.names import require_name
from devbench.contract.values import Clip, FrequencyResponse, Provenance
from devbench.corpora.archives import is_archive
from devbench.corpora.assembling import into_place, opaque_id, require_free
from devbench.corpora.header import CorpusHeader
from devbench.corpora.intake import Channel, Copied, CopyJob, copy
from devbench.corpora.layouts import Gathered, gather
from devbench.corpora.manifest import Corpus, response_path, write_corpus
from devbench.corpora.pool import Progress, in_processes, no_progress
from devbench.corpora.recordings import Line, checked_lines, device_facts
from devbench.corpora.resuming import Journal, opened, remove_strays, work_beside
from devbench.errors import ConfigurationError, DataError
from devbench.files import canonical_json, pretty_json, publish, sha256_bytes, sha256_file
from devbench.models import validated

if TYPE_CHECKING:
    from devbench.corpora.check import Report

IMPORT_FILE = "import.json"
MAX_WORDS = 4000


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What the user asked for.

    source: a folder, an archive of one, or a CSV file, as layout demands. is_paired: of layout
    folders, files of one class and name are one event. channel: what to take of files with
    several channels; None refuses them. rate_hz: convert files of another rate to it by soxr HQ;
    None demands one rate in all files. may_fix: take one of several equal channels.
    """

    source: Path
    out: Path
    name: str
    licence: str
    citation: str
    version: int = 1
    channel: Channel | None = None
    rate_hz: int | None = None
    layout: str = "manifest"
    is_paired: bool = True
    may_fix: bool = False

    @property
    def key(self) -> str:
        """Return what an interrupted import is known by when the same command comes again."""
        words = [str(self.source.resolve()), self.name, self.layout, self.channel, self.rate_hz]
        return sha256_bytes(canonical_json([*words, self.is_paired, self.may_fix]))


@dataclass(frozen=True, slots=True)
class Imported:
    """A corpus that was taken in.

    notes: what to tell of the layout. n_resumed: files that an interrupted import had copied.
    """

    corpus: Corpus
    report: Report
    notes: tuple[str, ...]
    n_resumed: int


def import_corpus(
    request: ImportRequest, *, jobs: int = 1, progress: Progress = no_progress
) -> Imported:
    """Copy the recordings of a layout into request.out, which appears whole or not at all.

    Raises ConfigurationError with file, line, column and expectation; DataError with the path of
    a sound file that cannot be taken as it is. What was copied before an interruption is kept
    beside request.out, and the same request continues there.
    """
    from devbench.corpora.check import report_of

    _require_words(request)
    require_free(request.out)
    with work_beside(request.out, request.key) as work, opened(request.source, work) as source:
        gathered = gather(request.layout, source, is_paired=request.is_paired)
        lines = checked_lines(gathered.table)
        if is_archive(request.source):
            _require_inside(lines, source)
        devices = device_facts(gathered.table)
        _require_devices(gathered, devices, request)
        folder = work / "corpus"
        copied, n_resumed = _copy_all(request, lines, work, jobs=jobs, progress=progress)
        rate_hz = _one_rate(request, lines, copied)
        _refuse_twins(lines, copied)
        header = _header(
            request,
            gathered=gathered,
            devices=devices,
            lines=lines,
            copied=copied,
            rate_hz=rate_hz,
        )
        shutil.rmtree(folder / "responses", ignore_errors=True)  # of an interrupted import
        for device, path in sorted(gathered.responses.items()):
            _take_response(folder, device, path, _provenance(gathered, device))
        clips = [_clip(line, result) for line, result in zip(lines, copied, strict=True)]
        remove_strays(folder, {clip.path for clip in clips})
        corpus = write_corpus(folder, header, clips)
        measured = {result.measured.path: result.measured for result in copied}
        report = report_of(corpus, [measured[clip.path] for clip in corpus.clips])
        document = _document(request, gathered, corpus, report)
        publish(folder / IMPORT_FILE, pretty_json(document), replace=True)
        corpus = into_place(folder, request.out, corpus.fingerprint)
        return Imported(corpus, replace(report, corpus=corpus), gathered.notes, n_resumed)


def _require_inside(lines: Sequence[Line], root: Path) -> None:
    """Refuse files that are not of the archive: its table could name any of this machine."""
    inside = root.resolve()
    for line in lines:
        if not line.source.resolve().is_relative_to(inside):
            raise line.row.refuse("path", "a file of the archive")


def _copy_all(
    request: ImportRequest,
    lines: Sequence[Line],
    work: Path,
    *,
    jobs: int,
    progress: Progress,
) -> tuple[list[Copied], int]:
    """Return what was copied of every line, and how many had been copied before."""
    jobs_to_do = [
        CopyJob(
            source=line.source,
            folder=work / "corpus",
            target=f"audio/{line.device}/{opaque_id(request.name, line.event_id)}",
            channel=request.channel,
            rate_hz=request.rate_hz,
            may_fix=request.may_fix,
        )
        for line in lines
    ]
    journal = Journal(work)
    try:
        found = [journal.found(job) for job in jobs_to_do]
        left = [job for job, known in zip(jobs_to_do, found, strict=True) if known is None]
        n_resumed = len(lines) - len(left)

        def shifted(done: int, total: int) -> None:
            progress(n_resumed + done, n_resumed + total)

        fresh = in_processes(copy, left, jobs=jobs, progress=shifted)
        copied: list[Copied] = []
        for job, known in zip(jobs_to_do, found, strict=True):
            result = known or next(fresh)
            if known is None:
                journal.add(job, result)
            copied.append(result)
        next(fresh, None)  # lets the pool end
    finally:
        journal.close()
    return copied, n_resumed


def _provenance(gathered: Gathered, device: str) -> Provenance:
    return gathered.provenance.get(device, "measured")


def _require_devices(
    gathered: Gathered, devices: Sequence[Mapping[str, str]], request: ImportRequest
) -> None:
    """Refuse a response of a device that recorded nothing: its name is mistyped."""
    known = {device["id"] for device in devices}
    for device, path in gathered.responses.items():
        if device not in known:
            raise ConfigurationError(
                f"{path}: no recording of a device {device!r} in {str(request.source)!r}",
                fix=f"name it after one of: {', '.join(sorted(known))}",
            )


def _take_response(folder: Path, device: str, path: Path, provenance: Provenance) -> None:
    """Write responses/DEVICE.csv from a CSV or from the device's recording of an impulse."""
    if path.suffix.lower() == ".csv":
        response = read_response(path, provenance=provenance)
    else:
        response = _measured_response(path, provenance)
    write_response(response_path(folder, device), response)


def _measured_response(path: Path, provenance: Provenance) -> FrequencyResponse:
    from devbench.audio.files import decode
    from devbench.corpora.riff import require_whole
    from devbench.files import read_bytes

    data = read_bytes(path)
    require_whole(data, path)
    samples, rate_hz = decode(data, origin=str(path))
    if samples.shape[0] != 1:
        raise DataError(f"{path}: {samples.shape[0]} channels", fix="give the impulse as mono")
    try:
        return response_of_impulse(samples[0].astype("float64"), rate_hz, provenance=provenance)
    except DataError as error:
        raise DataError(f"{path}: {error.what}", fix=error.fix) from error


def _one_rate(request: ImportRequest, lines: Sequence[Line], copied: Sequence[Copied]) -> int:
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


def _refuse_twins(lines: Sequence[Line], copied: Sequence[Copied]) -> None:
    heard: dict[str, Line] = {}
    for line, result in zip(lines, copied, strict=True):
        if result.measured.is_silent or result.measured.pcm_sha256 is None:
            continue  # silence equals silence; the report names such files
        twin = heard.setdefault(result.measured.pcm_sha256, line)
        if twin.group != line.group:
            raise DataError(
                f"{twin.source} and {line.source} hold the same sound but belong to the groups "
                f"{twin.group!r} and {line.group!r}",
                fix="give both the same group, or leave one out: a split would tear them apart",
            )


def _require_words(request: ImportRequest) -> None:
    """Refuse what could not be written into the header, before any file is copied."""
    require_name("corpus", request.name)
    for key, value in (("--licence", request.licence), ("--citation", request.citation)):
        if not value.strip():
            raise ConfigurationError(f"{key} is empty", fix="say it, or write 'unknown'")
        if len(value) > MAX_WORDS:
            raise ConfigurationError(
                f"{key} has {len(value)} characters where {MAX_WORDS} are kept",
                fix="name the licence, and say where its text is",
            )


def _changes(copied: Sequence[Copied], rate_hz: int) -> list[str]:
    """Return what was done to files that were not copied byte for byte."""
    n_mixed = Counter(result.change for result in copied)
    n_converted = sum(result.source_rate_hz != rate_hz for result in copied)
    told = [
        f"{n_mixed[kind]} files made mono ({how})"
        for kind, how in (
            ("first", "channel: first"),
            ("mix", "channel: mix"),
            ("equal channels", "their channels were equal"),
        )
        if n_mixed[kind]
    ]
    if n_converted:
        told.append(f"{n_converted} files converted to {rate_hz} Hz (soxr HQ)")
    return told


def _header(
    request: ImportRequest,
    *,
    gathered: Gathered,
    devices: Sequence[dict[str, str]],
    lines: Sequence[Line],
    copied: Sequence[Copied],
    rate_hz: int,
) -> CorpusHeader:
    rates = {line.device: result.source_rate_hz for line, result in zip(lines, copied, strict=True)}
    changes = _changes(copied, rate_hz)
    told = f" Changes by devbench: {'; '.join(changes)}." if changes else ""
    n_events, n_classes = len({x.event_id for x in lines}), len({x.label for x in lines})
    provenances = [_provenance(gathered, device["id"]) for device in devices]
    # Of several the one that claims least, for reports repeat the corpus's.
    provenance = next((p for p in provenances if p != "measured"), "measured")
    return validated(
        CorpusHeader,
        {
            "name": request.name,
            "version": request.version,
            "title": f"{n_events} events of {n_classes} classes, recorded by "
            f"{len(devices)} devices",
            "provenance": provenance,
            "licence": request.licence.strip(),
            "citation": request.citation.strip() + told,
            "sample_rate_hz": rate_hz,
            "devices": [
                {**device, "sample_rate_hz": rates[device["id"]], "provenance": own}
                for device, own in zip(devices, provenances, strict=True)
            ],
        },
        origin="the corpus header made of the options and the manifest",
    )


def _document(
    request: ImportRequest, gathered: Gathered, corpus: Corpus, report: Report
) -> dict[str, Any]:
    """Return import.json: how the corpus was taken in, and what was found in its files."""
    converts = request.rate_hz is not None
    packages = ("devbench", "numpy", "soundfile", *(("soxr",) if converts else ()))
    return {
        "schema": 1,
        "layout": request.layout,
        "archive_sha256": sha256_file(request.source) if is_archive(request.source) else None,
        "is_paired": request.is_paired,
        "channel": request.channel,
        "rate_hz": request.rate_hz,
        "fix": request.may_fix,
        "notes": list(gathered.notes),
        "table_sha256": gathered.table.sha256,
        "fingerprint": corpus.fingerprint,
        "report": report.document(),
        "versions": {name: metadata.version(name) for name in packages},
    }


def _clip(line: Line, result: Copied) -> Clip:
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
