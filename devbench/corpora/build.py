"""`devbench data build`: labelled clips through measured responses into a corpus folder.

Order: every clip is filtered by the device, brought to one RMS, given the device's gain, noise
floor and limiter, clipped at full scale and written with 16 bits. Nothing is drawn at run time:
the same tables give the same bytes, whatever the number of processes and the order of the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from devbench.audio.responses import response_of_impulse, write_response
from devbench.contract.values import Clip, Provenance
from devbench.corpora import credits
from devbench.corpora.assembling import (
    into_place,
    opaque_id,
    require_free,
    require_same,
    scratch_beside,
)
from devbench.corpora.header import CorpusHeader
from devbench.corpora.manifest import Corpus, response_path, write_corpus
from devbench.corpora.pool import Progress, in_processes, no_progress
from devbench.corpora.rendering import (
    RANGES,
    RECIPE,
    Microphone,
    Rendered,
    RenderJob,
    device_settings,
    impulse_of,
    render_job,
)
from devbench.corpora.slugs import slug
from devbench.corpora.sources import clip_table
from devbench.corpora.tables import Row, Table, read_table
from devbench.errors import ConfigurationError, DataError, DevbenchError
from devbench.files import (
    canonical_json,
    pretty_json,
    publish,
    read_json,
    sha256_bytes,
    sha256_file,
)
from devbench.models import validated

PROVENANCE: Provenance = "simulated from measured responses"
BUILD_FILE = "build.json"
DEVICE_COLUMNS = ("id", "name", "role", "kind", "fir22k")
# Recorders that ran below the corpus rate; a column recorder_rate_hz says it of other devices.
RECORDER_RATE_HZ = {"phone_nexus_one_mic": 16_000}


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """What the user asked for.

    layout: of clips, see sources.py. role: rows of the table of devices that are used. rate_hz:
    None refuses clips of another rate than the responses'; the responses' rate converts them.
    licence, citation: None gathers them from the tables.
    """

    clips: Path
    devices: Path
    out: Path
    role: str = "core7"
    name: str = "mics7"
    version: int = 1
    rate_hz: int | None = None
    licence: str | None = None
    citation: str | None = None
    layout: str = "table"


@dataclass(frozen=True, slots=True)
class Built:
    """A corpus and whether it was made now or stood there already."""

    corpus: Corpus
    is_new: bool


@dataclass(frozen=True, slots=True)
class _Source:
    """One line of the table of clips, read and checked."""

    row: Row
    path: Path
    sha256: str
    label: str
    fold: int
    group: str
    event_id: str


def build_corpus(
    request: BuildRequest, *, jobs: int = 1, progress: Progress = no_progress
) -> Built:
    """Render every clip by every device into request.out, which appears whole or not at all.

    progress counts source clips. A folder that holds what the same tables gave before is kept as
    it is; any other is refused. Raises ConfigurationError with file, line and column, DataError
    with the path of a sound file.
    """
    clips = clip_table(request.layout, request.clips)
    devices = read_table(request.devices, required=DEVICE_COLUMNS)
    chosen = _chosen_devices(devices, request.role)
    microphones, rate_hz = _microphones(chosen, request)
    sources = _sources(clips)
    header = _header(
        request,
        clips=clips,
        devices=devices,
        chosen=chosen,
        microphones=microphones,
        rate_hz=rate_hz,
        sources=sources,
    )
    table = credits.attribution_table((source.event_id, source.row) for source in sources)
    request_sha256 = _request_hash(header, sources, microphones, request, table)
    standing = _standing(request.out, request_sha256)
    if standing is not None:
        return Built(standing, is_new=False)
    with scratch_beside(request.out) as scratch:
        jobs_to_do = [
            RenderJob(
                source=source.path,
                source_sha256=source.sha256,
                event_id=source.event_id,
                file_id=opaque_id(request.name, source.event_id),
                sample_rate_hz=rate_hz,
                may_convert=request.rate_hz is not None,
                microphones=microphones,
                folder=scratch,
            )
            for source in sources
        ]
        rendered = _render_all(jobs_to_do, sources, jobs=jobs, progress=progress)
        for microphone in microphones:
            impulse = impulse_of(microphone, rate_hz)
            response = response_of_impulse(impulse, rate_hz, provenance=PROVENANCE)
            write_response(response_path(scratch, microphone.device), response)
        if table is not None:
            publish(scratch / "attribution.csv", table)
        corpus = write_corpus(scratch, header, _clips(sources, rendered))
        document = _document(
            request,
            corpus,
            request_sha256=request_sha256,
            microphones=microphones,
            sources=sources,
            rendered=rendered,
        )
        publish(scratch / BUILD_FILE, pretty_json(document))
        return Built(into_place(scratch, request.out, corpus.fingerprint), is_new=True)


def _chosen_devices(devices: Table, role: str) -> list[Row]:
    chosen = [row for row in devices.rows if row.get("role") == role]
    if not chosen:
        roles = sorted({row.get("role") for row in devices.rows})
        raise ConfigurationError(
            f"{devices.path}: no device has the role {role!r}",
            fix=f"choose --role from {', '.join(roles)}",
        )
    return chosen


def _microphones(rows: Sequence[Row], request: BuildRequest) -> tuple[tuple[Microphone, ...], int]:
    """Return the devices in the order of their table and the rate of their responses in Hz."""
    from devbench.audio.files import decode
    from devbench.files import read_bytes

    found: list[Microphone] = []
    rate_hz = 0
    for row in rows:
        device = _slug_cell(row, "id")
        if device in {microphone.device for microphone in found}:
            raise row.refuse("id", f"an id whose public name {device!r} no other device has")
        path = row.file("fir22k")
        data = read_bytes(path)
        fir_rate_hz = decode(data, origin=str(path))[1]
        rate_hz = rate_hz or fir_rate_hz
        if fir_rate_hz != rate_hz:
            raise row.refuse("fir22k", f"a response at {rate_hz} Hz, not {fir_rate_hz} Hz")
        recorder = RECORDER_RATE_HZ.get(row.get("id"), rate_hz)
        recorder = row.whole_number("recorder_rate_hz", default=recorder) or recorder
        if recorder < 1000:
            raise row.refuse("recorder_rate_hz", "a rate of 1000 Hz or more")
        found.append(Microphone(device, path, sha256_bytes(data), recorder))
    if request.rate_hz not in (None, rate_hz):
        raise ConfigurationError(
            f"--rate {request.rate_hz}: the responses in {rows[0].path} have {rate_hz} Hz",
            fix=f"give --rate {rate_hz}, or responses at {request.rate_hz} Hz",
        )
    return tuple(found), rate_hz


def _sources(clips: Table) -> list[_Source]:
    """Return the clips sorted by event, so that the order of the table does not matter."""
    events: dict[str, _Source] = {}
    fold_of_group: dict[str, tuple[int, str]] = {}
    for row in clips.rows:
        path = row.file("filename")
        group = row.text("src_id", longest=100)
        take = row.get("take")
        event_id = f"{group}-{take}" if take else group
        source = _Source(
            row=row,
            path=path,
            sha256=sha256_file(path),
            label=_slug_cell(row, "label"),
            fold=row.whole_number("fold", default=0),
            group=group,
            event_id=event_id,
        )
        if event_id in events:
            raise row.refuse(
                "take" if take else "src_id",
                f"an event of its own: {event_id!r} stands in {events[event_id].row.place}",
            )
        fold, place = fold_of_group.setdefault(group, (source.fold, row.place))
        if fold != source.fold:
            raise row.refuse("fold", f"{fold} as in {place}: both are cut from {group!r}")
        events[event_id] = source
    return [events[event_id] for event_id in sorted(events)]


def _slug_cell(row: Row, column: str) -> str:
    try:
        return slug(row.text(column))
    except ConfigurationError as error:
        raise row.refuse(column, "a name with ASCII letters or digits") from error


def _header(
    request: BuildRequest,
    *,
    clips: Table,
    devices: Table,
    chosen: Sequence[Row],
    microphones: Sequence[Microphone],
    rate_hz: int,
    sources: Sequence[_Source],
) -> CorpusHeader:
    n_classes = len({source.label for source in sources})
    citation = request.citation
    if citation is None:
        citation = credits.citation(clips, devices, chosen)
    converted = f", converted to {rate_hz} Hz where needed (soxr HQ)" if request.rate_hz else ""
    changes = (
        f"Changes by devbench ({RECIPE}): every clip{converted} filtered by every response, then "
        "one RMS, gain, noise floor, limiter, 16 bit; not recorded on these devices."
    )
    return validated(
        CorpusHeader,
        {
            "name": request.name,
            "version": request.version,
            "title": f"{len(sources)} clips of {n_classes} classes on {len(microphones)} devices, "
            f"{PROVENANCE}",
            "provenance": PROVENANCE,
            "licence": request.licence or credits.licences(clips.rows, chosen),
            "citation": f"{citation} {changes}",
            "sample_rate_hz": rate_hz,
            "devices": [
                {
                    "id": microphone.device,
                    "label": row.text("name", longest=120),
                    # What stands in brackets tells how it was measured, not what it is.
                    "kind": row.text("kind").split(" (")[0][:60],
                    "sample_rate_hz": microphone.recorder_rate_hz,
                    "provenance": PROVENANCE,
                }
                for row, microphone in zip(chosen, microphones, strict=True)
            ],
        },
        origin="the corpus header made of the options and tables",
    )


def _request_hash(
    header: CorpusHeader,
    sources: Sequence[_Source],
    microphones: Sequence[Microphone],
    request: BuildRequest,
    attribution: bytes | None,
) -> str:
    document = {
        "recipe": RECIPE,
        "header": header.model_dump(mode="json"),
        "may_convert": request.rate_hz is not None,
        "clips": [[s.event_id, s.label, s.fold, s.group, s.sha256] for s in sources],
        "responses": [[m.device, m.fir_sha256, m.recorder_rate_hz] for m in microphones],
        "attribution": sha256_bytes(attribution or b""),
    }
    return sha256_bytes(canonical_json(document))


def _standing(folder: Path, request_sha256: str) -> Corpus | None:
    """Return the corpus of an earlier build of the same tables, None where the place is free."""
    try:
        document = read_json(folder / BUILD_FILE)
    except DevbenchError:
        require_free(folder)
        return None
    if not isinstance(document, dict) or document.get("request_sha256") != request_sha256:
        raise DataError(
            f"{str(folder)!r} holds a corpus of other clips, devices, credits or options",
            fix="give another --out, or move that folder away first",
        )
    return require_same(folder, str(document.get("fingerprint")))


def _render_all(
    work: Sequence[RenderJob], sources: Sequence[_Source], *, jobs: int, progress: Progress
) -> list[Rendered]:
    rendered: list[Rendered] = []
    heard: dict[str, _Source] = {}
    results = in_processes(render_job, work, jobs=jobs, progress=progress)
    for source, result in zip(sources, results, strict=True):
        twin = heard.setdefault(result.pcm_sha256, source)
        if twin.group != source.group:
            raise DataError(
                f"{twin.path} and {source.path} hold the same sound but other sources "
                f"({twin.group!r}, {source.group!r})",
                fix="give both the same src_id, or leave one out: a split would tear them apart",
            )
        rendered.append(result)
    return rendered


def _clips(sources: Sequence[_Source], rendered: Sequence[Rendered]) -> list[Clip]:
    return [
        Clip(
            clip_id=Path(path).stem + "-" + device,
            event_id=source.event_id,
            device=device,
            label=source.label,
            path=path,
            sha256=sha256,
            n_samples=result.n_samples,
            group=source.group,
            fold=source.fold,
        )
        for source, result in zip(sources, rendered, strict=True)
        for device, path, sha256 in result.files
    ]


def _document(
    request: BuildRequest,
    corpus: Corpus,
    *,
    request_sha256: str,
    microphones: Sequence[Microphone],
    sources: Sequence[_Source],
    rendered: Sequence[Rendered],
) -> dict[str, Any]:
    """Return build.json: how the corpus was made, for people and for a second build."""
    rate_hz = corpus.header.sample_rate_hz
    converted = [
        {"event_id": source.event_id, "from_hz": result.source_rate_hz}
        for source, result in zip(sources, rendered, strict=True)
        if result.source_rate_hz != rate_hz
    ]
    packages = ("numpy", "soundfile", *(("soxr",) if converted else ()))
    return {
        "schema": 1,
        "recipe": RECIPE,
        "request_sha256": request_sha256,
        "fingerprint": corpus.fingerprint,
        "role": request.role,
        "ranges": RANGES,
        "devices": {
            microphone.device: {
                **device_settings(microphone.device),
                "fir_sha256": microphone.fir_sha256,
                "recorder_rate_hz": microphone.recorder_rate_hz,
            }
            for microphone in microphones
        },
        "converted": {"to_hz": rate_hz, "by": "soxr HQ", "clips": converted},
        "versions": {name: metadata.version(name) for name in ("devbench", *packages)},
    }
