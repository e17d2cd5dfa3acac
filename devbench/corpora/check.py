"""`devbench data check`: every file against the manifest, every device against the others.

Errors would spoil or end a run; warnings are what the user should know of his recordings. Nothing
is corrected here: a mended corpus is another version with another fingerprint.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from devbench.contract.values import Clip
from devbench.corpora.alignment import Offset, offsets
from devbench.corpora.defects import FileJob, Finding, Measured, measure_file
from devbench.corpora.manifest import Corpus, open_corpus
from devbench.corpora.nearness import near_findings
from devbench.corpora.pool import Progress, in_processes, no_progress
from devbench.errors import DevbenchError

LEVEL_LIMIT_DB = 15.0
OFFSET_LIMIT_MS = 5.0
LENGTH_LIMIT = 0.1
LENGTH_LIMIT_S = 0.05
PAIRED_AGREEMENT = 0.2
PAIRED_EVENTS = 5
NOT_SAID = ("", "unknown", "not given", "none", "n/a", "todo", "tbd")


@dataclass(frozen=True, slots=True)
class DeviceLevels:
    """Medians over the clips of a device, in dB re full scale; None without a readable clip."""

    device: str
    n_clips: int
    rms_dbfs: float | None
    floor_dbfs: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """All findings of one corpus, errors first."""

    corpus: Corpus
    findings: tuple[Finding, ...]
    levels: tuple[DeviceLevels, ...]
    offsets: tuple[Offset, ...]

    @property
    def n_errors(self) -> int:
        """Return how many findings forbid the use of the corpus."""
        return sum(finding.severity == "error" for finding in self.findings)

    @property
    def n_warnings(self) -> int:
        """Return how many findings are only told."""
        return len(self.findings) - self.n_errors

    def document(self) -> dict[str, Any]:
        """Return the report for machines."""
        return {
            "schema": 1,
            "corpus": self.corpus.header.name,
            "version": self.corpus.header.version,
            "fingerprint": self.corpus.fingerprint,
            "provenance": self.corpus.header.provenance,
            "n_clips": len(self.corpus.clips),
            "n_errors": self.n_errors,
            "n_warnings": self.n_warnings,
            "findings": [asdict(finding) for finding in self.findings],
            "levels": [asdict(level) for level in self.levels],
            "offsets": [asdict(offset) for offset in self.offsets],
        }


def check_corpus(folder: Path, *, jobs: int = 1, progress: Progress = no_progress) -> Report:
    """Return everything that is wrong with the corpus in folder; progress counts files.

    Raises ConfigurationError or DataError where header or manifest cannot be read at all.
    """
    corpus = open_corpus(folder)
    work = [
        FileJob(folder, clip.path, clip.sha256, clip.n_samples, corpus.header.sample_rate_hz)
        for clip in corpus.clips
    ]
    return report_of(corpus, list(in_processes(measure_file, work, jobs=jobs, progress=progress)))


def report_of(corpus: Corpus, measured: Sequence[Measured]) -> Report:
    """Return the report of a corpus from what was measured of its clips, in their order."""
    sound = [
        clip
        for clip, result in zip(corpus.clips, measured, strict=True)
        if not any(finding.severity == "error" for finding in result.findings)
    ]
    levels = _levels(corpus, measured)
    lags = offsets(corpus, sound)
    findings = [
        *(finding for result in measured for finding in result.findings),
        *_twins(corpus.clips, measured),
        *near_findings(corpus, sound, measured),
        *_groups_in_two_folds(corpus.clips),
        *_lengths(corpus, sound),
        *_gaps(corpus),
        *_responses(corpus),
        *_strays(corpus),
        *_credits(corpus),
        *_level_findings(levels),
        *_offset_findings(lags),
    ]
    findings.sort(key=lambda finding: finding.severity)  # 'error' < 'warning'; stable
    return Report(corpus, tuple(findings), tuple(levels), tuple(lags))


def _twins(clips: Sequence[Clip], measured: Sequence[Measured]) -> Iterable[Finding]:
    heard: dict[str, Clip] = {}
    for clip, result in zip(clips, measured, strict=True):
        if result.pcm_sha256 is None or result.is_silent:
            continue
        twin = heard.setdefault(result.pcm_sha256, clip)
        if twin is clip:
            continue
        what = f"the same sound as {twin.path}"
        if twin.group != clip.group:
            fix = "give both one group, or leave one out: a split would tear them apart"
            yield Finding("error", "duplicate", clip.path, f"{what}, of another group", fix)
        else:
            fix = "check that the right files were named: two recordings are never equal"
            yield Finding("warning", "duplicate", clip.path, what, fix)


def _groups_in_two_folds(clips: Iterable[Clip]) -> Iterable[Finding]:
    folds: dict[str, set[int]] = defaultdict(set)
    for clip in clips:
        folds[clip.group].add(clip.fold)
    for group, found in folds.items():
        if len(found) > 1:
            what = f"group {group!r} stands in the folds {sorted(found)}"
            yield Finding("error", "fold", "manifest.csv", what, "give a group one fold")


def _gaps(corpus: Corpus) -> Iterable[Finding]:
    events: dict[str, set[str]] = {device.id: set() for device in corpus.devices}
    labels: dict[str, set[str]] = {device.id: set() for device in corpus.devices}
    for clip in corpus.clips:
        events[clip.device].add(clip.event_id)
        labels[clip.device].add(clip.label)
    all_events, all_labels = set().union(*events.values()), set().union(*labels.values())
    for device, own in labels.items():
        if absent := sorted(all_labels - own):
            what = f"no clip of {len(absent)} classes, e.g. {absent[0]!r}"
            fix = "record them, or leave the device or the class out of the benchmark"
            yield Finding("error", "missing-class", device, what, fix)
    n_times = Counter(event for own in events.values() for event in own)
    if len(events) > 1 and max(n_times.values()) == 1:
        what = "no event was recorded by two devices, so devices are compared on different sounds"
        fix = "name the events that several devices recorded, or know that none was"
        yield Finding("warning", "unpaired", "manifest.csv", what, fix)
        return
    for device, own in events.items():
        if absent := sorted(all_events - own):
            what = f"{len(absent)} of {len(all_events)} events are missing, e.g. {absent[0]!r}"
            fix = "record them, or know that devices are compared on different sounds"
            yield Finding("warning", "missing-event", device, what, fix)


def _lengths(corpus: Corpus, sound: Iterable[Clip]) -> Iterable[Finding]:
    """Tell of devices that recorded events much longer or shorter than the others did."""
    from statistics import median

    lengths: dict[str, dict[str, int]] = defaultdict(dict)
    for clip in sound:
        lengths[clip.event_id][clip.device] = clip.n_samples
    odd: dict[str, list[str]] = defaultdict(list)
    for event, own in lengths.items():
        middle = median(own.values())
        for device, n_samples in own.items():
            off = abs(n_samples - middle)
            if off > LENGTH_LIMIT * middle and off > LENGTH_LIMIT_S * corpus.header.sample_rate_hz:
                odd[device].append(event)
    for device, events in odd.items():
        what = f"{len(events)} events are of another length than by others, e.g. {min(events)!r}"
        fix = "cut them to one length, or check that these are recordings of one event"
        yield Finding("warning", "event-length", device, what, fix)


def _credits(corpus: Corpus) -> Iterable[Finding]:
    for key in ("licence", "citation"):
        value = getattr(corpus.header, key)
        if value.strip().strip(".?!").lower() in NOT_SAID:
            what = f"{key} is {value.strip()!r}"
            fix = f"find out and say it (--{key}): results of unlicensed sounds cannot be shared"
            yield Finding("warning", "credits", "corpus.toml", what, fix)


def _responses(corpus: Corpus) -> Iterable[Finding]:
    missing = []
    for device in corpus.devices:
        try:
            response = corpus.response(device.id)
        except DevbenchError as error:
            yield Finding("error", "response", device.id, error.what, error.fix)
            continue
        if response is None:
            missing.append(device.id)
    fix = "add it (freq_hz,gain_db), or do without the methods that need responses"
    if len(missing) == len(corpus.devices) > 1:
        what = f"responses/{missing[0]}.csv is missing, and those of all other devices"
        yield Finding("warning", "response", missing[0], what, fix)
    else:
        for device_id in missing:
            what = f"responses/{device_id}.csv is missing"
            yield Finding("warning", "response", device_id, what, fix)


def _strays(corpus: Corpus) -> Iterable[Finding]:
    known = {clip.path for clip in corpus.clips}
    audio = corpus.folder / "audio"
    found = sorted(
        path.relative_to(corpus.folder).as_posix() for path in audio.rglob("*") if path.is_file()
    )
    if strays := [path for path in found if path not in known]:
        what = f"{len(strays)} files are not in the manifest"
        fix = "remove them, or import them"
        yield Finding("warning", "stray-file", strays[0], what, fix)


def _levels(corpus: Corpus, measured: Sequence[Measured]) -> list[DeviceLevels]:
    from statistics import median

    rms: Mapping[str, list[float]] = {device.id: [] for device in corpus.devices}
    floor: Mapping[str, list[float]] = {device.id: [] for device in corpus.devices}
    for clip, result in zip(corpus.clips, measured, strict=True):
        if result.rms_dbfs is not None and result.floor_dbfs is not None and not result.is_silent:
            rms[clip.device].append(result.rms_dbfs)
            floor[clip.device].append(result.floor_dbfs)
    return [
        DeviceLevels(
            device=device,
            n_clips=sum(clip.device == device for clip in corpus.clips),
            rms_dbfs=round(median(found), 1) if found else None,
            floor_dbfs=round(median(floor[device]), 1) if found else None,
        )
        for device, found in rms.items()
    ]


def _level_findings(levels: Iterable[DeviceLevels]) -> Iterable[Finding]:
    from statistics import median

    told = [(level.device, level.rms_dbfs) for level in levels if level.rms_dbfs is not None]
    if not told:
        return
    middle = median(rms for _, rms in told)
    for device, rms in told:
        if abs(rms - middle) > LEVEL_LIMIT_DB:
            what = f"median level {rms:.1f} dBFS, {rms - middle:+.1f} dB from the median device"
            fix = "check its gain setting; a real difference may stay"
            yield Finding("warning", "level", device, what, fix)


def _offset_findings(lags: Iterable[Offset]) -> Iterable[Finding]:
    for lag in lags:
        if abs(lag.offset_ms) >= OFFSET_LIMIT_MS and lag.agreement >= 0.5:
            what = f"records {lag.offset_ms:+.1f} ms after {lag.reference!r}"
            fix = "align the recordings before the import if methods pair them frame by frame"
            yield Finding("warning", "offset", lag.device, what, fix)
        elif lag.agreement < PAIRED_AGREEMENT and lag.n_events >= PAIRED_EVENTS:
            what = (
                f"is off against {lag.reference!r} by another time in every event ({lag.n_events} "
                "were compared): perhaps these are not the same sounds"
            )
            fix = "listen to some; where files only share their names, import with --unpaired"
            yield Finding("warning", "pairing", lag.device, what, fix)
