"""Statistics of layers, from outside: clips are chosen, one worker collects, another estimates."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devbench.errors import DataError
from devbench.explaining.documents import Clips, Estimate, Protocol
from devbench.files import sha256_bytes
from devbench.results.commands import train_command
from devbench.running.artifacts import shelf_of
from devbench.running.clips import save_clips
from devbench.running.converting import stage_clips
from devbench.running.explain_jobs import (
    ClassifierLayers,
    ConverterLayers,
    EstimateJob,
    ExplainJob,
)
from devbench.running.guard import refuse_violation
from devbench.running.process import WorkerLimits, run_worker
from devbench.running.stage import stage_fit, staged_clips

if TYPE_CHECKING:
    from devbench.contract.values import Clip
    from devbench.results.store import Store
    from devbench.running.features import FeatureCache
    from devbench.running.pipeline import Talk
    from devbench.running.plan import Planned
    from devbench.running.stored_run import StoredRun

MIN_EVENTS = 12
"""Source recordings: the least that `devbench.explaining.estimating` splits into three parts."""
N_TOLD_APART = 2
MAX_WINDOWS = 6000
"""Over all devices; of a larger corpus, so many are taken, from all source recordings in turn."""


@dataclass(frozen=True, slots=True, eq=False)
class Collected:
    """Statistics of layers in files ([row, feature]), and what the rows are.

    layers: as the worker told them. labels: of every row, a place in clips.devices. groups: number
    of the source recording of every row. artifacts: keys. converts: whether the method does.
    """

    layers: Sequence[Mapping[str, Any]]
    folder: Path
    labels: list[int]
    groups: list[int]
    clips: Clips
    artifacts: list[str]
    converts: bool


def paired_events(planned: Planned, features: FeatureCache) -> list[str]:
    """Return the test events that every device recorded, as many as are measured on, sorted.

    Of more than MAX_WINDOWS in turn one of each source recording, by hash, and at least one of
    each of MIN_EVENTS recordings. Raises DataError where they are too few to split into three
    parts.
    """
    plan = planned.plan
    devices = [plan.source, *plan.targets]
    found = [{c.event_id: c for c in planned.clips_of("test", device)} for device in devices]
    shared = set(found[0]).intersection(*found[1:])
    groups = {found[0][event].group for event in shared}
    if len(groups) < MIN_EVENTS:
        name = planned.corpus.header.name
        what = (
            f"corpus {name!r} has no test event that all {len(devices)} devices recorded"
            if not shared
            else f"corpus {name!r} has {len(groups)} test events that all {len(devices)} devices "
            f"recorded; {MIN_EVENTS} are needed"
        )
        raise DataError(
            what,
            fix="use a corpus in which devices recorded the same events (one event_id for all of "
            "them, docs/corpus-format.md), or another --fold with more test events",
        )
    crop = planned.benchmark.budgets[plan.budget].crop_frames
    ordered = _in_turn({event: found[0][event].group for event in shared})
    lengths = features.clips([found[0][event] for event in ordered])
    windows = (max(1, round(len(frames) / crop)) * len(devices) for frames in lengths)
    n_kept = sum(total <= MAX_WINDOWS for total in itertools.accumulate(windows))
    return sorted(ordered[: max(n_kept, MIN_EVENTS)])


def _in_turn(group_of: Mapping[str, str]) -> list[str]:
    """Return events by hash, first one of each group, then a second one of each, and so on."""
    by_hash = sorted(group_of, key=lambda event: sha256_bytes(event.encode()))
    n_before: Counter[str] = Counter()
    turns = []
    for place, event in enumerate(by_hash):
        group = group_of[event]
        turns.append((n_before[group], place, event))
        n_before[group] += 1
    return [event for _, _, event in sorted(turns)]


def collect_classifier(
    run: StoredRun,
    classifier: int,
    *,
    scratch: Path,
    talk: Talk,
    only: Sequence[str] | None = None,
) -> Collected:
    """Return statistics of a stored classifier's layers on paired test clips of all devices.

    classifier: number of the classifier. only: names of layers; None: all.
    """
    planned, features, plan = run.planned, run.features, run.planned.plan
    path, sha256 = run.weights[classifier]
    devices = [plan.source, *plan.targets]
    events = paired_events(planned, features)
    clips = [clip for device in devices for clip in _of(planned, device, events)]
    # Sorted by content, so that the order tells nothing of the device.
    clips.sort(key=lambda clip: clip.sha256)
    # As in prediction, whose adaptation is seeded by the place of a device.
    ordered = [*run.devices, *(device for device in devices if device not in run.devices)]
    groups = [[i for i, clip in enumerate(clips) if clip.device == device] for device in ordered]
    save_clips(scratch, staged_clips(planned, features, clips, as_waveforms=features.is_live), None)
    job = ExplainJob(
        classifier=ClassifierLayers(
            model=run.model, weights=str(path), weights_sha256=sha256, groups=groups
        ),
        only=list(only) if only is not None else None,
    )
    result = _collect(
        job,
        planned,
        readable=path,
        scratch=scratch,
        talk=talk,
        phase=f"layers of {plan.method.name}",
    )
    return _collected(
        planned,
        result,
        scratch,
        [clips[row] for row in result["rows"]],
        devices=devices,
        n_events=len(events),
    )


def collect_converter(
    planned: Planned,
    features: FeatureCache,
    store: Store,
    *,
    scratch: Path,
    talk: Talk,
    only: Sequence[str] | None = None,
) -> Collected:
    """Return statistics of a converter's layers: the label is the device converted to.

    Raises DataError where there is one target only, or where a trained artifact is not there;
    nothing is trained here.
    """
    plan = planned.plan
    if len(plan.targets) < N_TOLD_APART:
        raise DataError(
            f"method {plan.method.name!r} converts to one target only, {plan.targets[0]!r}: there "
            "is nothing to tell apart",
            fix="use a benchmark with three devices or more",
        )
    events = paired_events(planned, features)
    clips = _of(planned, plan.source, events)
    stage_clips(planned, features, clips, scratch / "clips")
    fit = stage_fit(planned, features, scratch, artifacts=shelf_of(store).folder)
    job = ExplainJob(
        converter=ConverterLayers(fit=fit, clips="clips", targets=plan.targets),
        only=list(only) if only is not None else None,
    )
    name, shelf = plan.method.name, shelf_of(store).folder
    words = f"layers of {name} from {plan.source}"
    result = _collect(job, planned, readable=shelf, scratch=scratch, talk=talk, phase=words)
    if "missing" in result:
        raise DataError(
            f"method {name!r} needs an artifact {result['missing']['name']!r} that is not trained",
            fix=train_command(plan),
        )
    n_each = len(result["rows"]) // len(plan.targets)
    rows = [
        replace(clips[row], device=plan.targets[number // n_each])
        for number, row in enumerate(result["rows"])
    ]
    return _collected(planned, result, scratch, rows, devices=plan.targets, n_events=len(events))


def _of(planned: Planned, device: str, events: Sequence[str]) -> list[Clip]:
    wanted = set(events)
    return [clip for clip in planned.clips_of("test", device) if clip.event_id in wanted]


def _collect(
    job: ExplainJob, planned: Planned, *, readable: Path, scratch: Path, talk: Talk, phase: str
) -> Mapping[str, Any]:
    def report(message: Mapping[str, Any]) -> None:
        refuse_violation(planned.refs["method"], message)
        if message["event"] == "progress":
            talk.progress(round(min(max(float(message["done"]), 0.0), 1.0) * 100), 100)

    talk.phase(f"{phase} (%)")
    outcome = run_worker(
        "explain",
        job.model_dump(mode="json"),
        scratch=scratch,
        limits=planned.limits,
        threads=planned.plan.threads,
        on_report=report,
        sandbox=planned.sandbox(readable),
    )
    result: Mapping[str, Any] = outcome.result
    return result


def _collected(
    planned: Planned,
    result: Mapping[str, Any],
    folder: Path,
    rows: Sequence[Clip],
    *,
    devices: Sequence[str],
    n_events: int,
) -> Collected:
    """Return what a worker collected. rows: the clip of every row, as the device it counts for."""
    names = {group: number for number, group in enumerate(sorted({c.group for c in rows}))}
    labels = [devices.index(clip.device) for clip in rows]
    shares = [labels.count(number) / len(labels) for number in range(len(devices))]
    clips = Clips(
        split="test",
        devices=list(devices),
        n_events=n_events,
        n_groups=len(names),
        n_windows=len(rows),
        crop_frames=planned.benchmark.budgets[planned.plan.budget].crop_frames,
        entropy_nats=-math.fsum(share * math.log(share) for share in shares if share > 0),
    )
    return Collected(
        layers=result["layers"],
        folder=folder,
        labels=labels,
        groups=[names[clip.group] for clip in rows],
        clips=clips,
        artifacts=list(dict.fromkeys(str(use["key"]) for use in result["artifacts"])),
        converts=bool(result["converts"]),
    )


def estimates(
    collected: Collected, files: Sequence[str], protocol: Protocol, *, scratch: Path, talk: Talk
) -> list[Estimate]:
    """Return what each file of statistics tells of the device."""
    job = EstimateJob(
        files=[str((collected.folder / name).absolute()) for name in files],
        labels=collected.labels,
        groups=collected.groups,
        protocol=protocol,
    )
    talk.phase("auxiliary classifiers")
    outcome = run_worker(
        "estimate",
        job.model_dump(mode="json"),
        scratch=scratch,
        limits=WorkerLimits(wall_s=3600.0),
        threads=1,
        on_report=lambda message: talk.progress(int(message["done"]), len(files)),
    )
    return [Estimate.model_validate(found) for found in outcome.result["estimates"]]
