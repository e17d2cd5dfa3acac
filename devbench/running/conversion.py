"""Conversion quality: source clips are converted in a worker and held against real ones here.

The worker gets source clips of the split and what the method declared; the clips that the targets
recorded of the same events never leave this process, which loads no plugin.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from devbench.contract.names import require_known
from devbench.contract.values import shift_db
from devbench.errors import DataError, UsageError
from devbench.results.conversion import (
    BAND_MEAN,
    FR_SHIFT,
    FR_SHIFT_LEVEL,
    IDENTITY,
    REFERENCES,
    ClipError,
    Conversion,
    ConversionScore,
    PairScore,
    clip_error,
    pair_score,
    score,
)
from devbench.results.figures import Example
from devbench.running.converting import convert_clips, scratch_folder
from devbench.running.corpus import find_corpus
from devbench.running.features import FeatureCache, ensure_features
from devbench.running.plan import Planned, Request, check, finish, require_cell

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from devbench.contract.values import Clip
    from devbench.results.record import ArtifactUse
    from devbench.results.store import Store
    from devbench.running.pipeline import Talk

    Frames = NDArray[np.float32]
    Curve = NDArray[np.float64]

HeldOut = Literal["val", "test"]


@dataclass(frozen=True, slots=True)
class Evaluated:
    """One row from one source: its pairs, what was shared, and one example per target."""

    pairs: list[PairScore]
    artifacts: list[ArtifactUse] = field(default_factory=list)
    examples: list[Example] = field(default_factory=list)


def plan_sources(
    request: Request, sources: Sequence[str], *, data: Path | None, store: Path, talk: Talk
) -> dict[str, Planned]:
    """Return the plan of a request from each source; names are checked before any work."""
    checked = check(replace(request, source=sources[0]), data=data)
    for source in sources:
        require_cell(replace(request, source=source), checked.benchmark)
    corpus = find_corpus(
        checked.benchmark.corpus, data=data, store=store, on_progress=talk.progress
    )
    return {
        source: finish(replace(checked, request=replace(request, source=source)), corpus)
        for source in sources
    }


def require_device(name: str, devices: Sequence[str], benchmark: str) -> str:
    """Return name if it is a device of the benchmark, else raise UnknownNameError."""
    command = f"devbench ls devices --benchmark {benchmark}"
    return require_known(f"device of benchmark {benchmark!r}", name, devices, list_command=command)


def evaluate(
    plans: Mapping[str, Mapping[str, Planned]],
    store: Store,
    *,
    targets: Sequence[str],
    split: HeldOut,
    talk: Talk,
) -> tuple[Conversion, dict[str, list[Example]]]:
    """Return the whole evaluation, and the examples of every method from the first source.

    plans: by method and source. targets: devices to convert to; each source skips itself.
    Raises UsageError where no pair is left, DataError where a pair has no event.
    """
    clash = [name for name in plans if name in REFERENCES]
    if clash:
        raise UsageError(f"{clash[0]!r} is the name of a reference", fix="rename the method")
    first = next(iter(next(iter(plans.values())).values()))
    sources = [s for s in next(iter(plans.values())) if _targets_of(s, targets)]
    if not sources:
        raise UsageError("no target is left beside the source", fix="name another --target")
    store.prepare()
    talk.phase("features")
    features = ensure_features(first, store=store.folder, on_progress=talk.progress)
    found: dict[str, list[Evaluated]] = {}
    missing: dict[str, None] = {}
    by_method = next(iter(plans.values()))
    for source in sources:
        references = evaluate_references(
            by_method[source], features, targets=_targets_of(source, targets), split=split
        )
        for name, pairs in references.items():
            if pairs is None:
                missing[name] = None
            else:
                found.setdefault(name, []).append(Evaluated(pairs))
    for name, planned in plans.items():
        for source in sources:
            evaluated = evaluate_conversion(
                planned[source],
                features,
                targets=_targets_of(source, targets),
                split=split,
                store=store,
                talk=talk,
            )
            found.setdefault(name, []).append(evaluated)
    rows = [
        _row(name, parts, plans[name][sources[0]] if name in plans else None)
        for name, parts in found.items()
        if name not in missing
    ]
    plan = first.plan
    document = Conversion(
        benchmark=plan.benchmark,
        corpus=plan.corpus,
        frontend=plan.frontend,
        split=split,
        fold=plan.fold,
        budget=plan.budget,
        seed=plan.seed,
        device=plan.device,
        threads=plan.threads,
        versions=plan.versions,
        features=first.benchmark.features,
        bin_hz=list(features.bin_hz),
        rows=rows,
        missing=list(missing),
    )
    return document, {name: found[name][0].examples for name in plans}


def _targets_of(source: str, targets: Sequence[str]) -> list[str]:
    return [target for target in targets if target != source]


def _row(name: str, parts: Sequence[Evaluated], planned: Planned | None) -> ConversionScore:
    artifacts = {use.key: use for part in parts for use in part.artifacts}
    return score(
        name,
        [pair for part in parts for pair in part.pairs],
        method=planned.plan.method if planned else None,
        artifacts=list(artifacts.values()),
    )


def evaluate_conversion(
    planned: Planned,
    features: FeatureCache,
    *,
    targets: Sequence[str],
    split: HeldOut = "test",
    store: Store,
    talk: Talk,
) -> Evaluated:
    """Return the errors of a method from the plan's source to targets, on the events of split.

    Raises what a worker raises, and ContractError where the method converts no clips.
    """
    clips = planned.clips_of(split, planned.plan.source)
    with scratch_folder(store) as scratch:
        outcome = convert_clips(
            planned, features, clips, targets, scratch=scratch, store=store, talk=talk
        )
        place = {clip.event_id: row for row, clip in enumerate(clips)}

        def convert(clip: Clip, target: str) -> Frames:
            return outcome.frames[target][place[clip.event_id]]

        pairs, kept = _hold(planned, features, targets, split, convert)
    return Evaluated(pairs, outcome.artifacts, _examples(planned, features, kept, targets, split))


def evaluate_references(
    planned: Planned, features: FeatureCache, *, targets: Sequence[str], split: HeldOut = "test"
) -> dict[str, list[PairScore] | None]:
    """Return the errors of no conversion and of closed forms; None where data are missing."""
    found: dict[str, list[PairScore] | None] = {
        IDENTITY: _hold(planned, features, targets, split, lambda c, t: features.clips([c])[0])[0]
    }
    for name in (FR_SHIFT, FR_SHIFT_LEVEL, BAND_MEAN):
        curves = reference_curves(planned, features, targets, name)
        if curves is None:
            found[name] = None
            continue
        convert = _adding(features, curves)
        found[name] = _hold(planned, features, targets, split, convert)[0]
    return found


def _adding(features: FeatureCache, curves: Mapping[str, Curve]) -> Callable[[Clip, str], Frames]:
    def convert(clip: Clip, target: str) -> Frames:
        shifted: Frames = (features.clips([clip])[0] + curves[target]).astype("float32")
        return shifted

    return convert


def reference_curves(
    planned: Planned, features: FeatureCache, targets: Sequence[str], name: str
) -> dict[str, Curve] | None:
    """Return what a closed form adds to clips of the source for each target: [bin] dB.

    None where a device has no response (fr-shift) or no convert clips (band-mean).
    """
    import numpy as np

    if name == FR_SHIFT_LEVEL:
        shapes = reference_curves(planned, features, targets, FR_SHIFT)
        levels = reference_curves(planned, features, targets, BAND_MEAN)
        if shapes is None or levels is None:
            return None
        return {t: shapes[t] - np.mean(shapes[t]) + np.mean(levels[t]) for t in targets}
    source = planned.plan.source
    if name == FR_SHIFT:
        responses = {device: planned.corpus.response(device) for device in (source, *targets)}
        known = {device: found for device, found in responses.items() if found is not None}
        if len(known) < len(responses):
            return None
        bin_hz = np.array(features.bin_hz)
        return {target: shift_db(known[source], known[target], bin_hz) for target in targets}
    means: dict[str, Curve] = {}
    for device in (source, *targets):
        clips = features.clips(planned.unlabelled_of(device))
        if not clips:
            return None
        means[device] = np.mean([clip.mean(axis=0, dtype=np.float64) for clip in clips], axis=0)
    return {target: means[target] - means[source] for target in targets}


def _hold(
    planned: Planned,
    features: FeatureCache,
    targets: Sequence[str],
    split: HeldOut,
    convert: Callable[[Clip, str], Frames],
) -> tuple[list[PairScore], dict[tuple[str, str], tuple[Clip, Clip, Frames, ClipError]]]:
    """Hold converted clips against real ones: the pairs, and all there is by (target, event)."""
    source, floor_db = planned.plan.source, planned.benchmark.features.floor_db
    pairs = []
    kept: dict[tuple[str, str], tuple[Clip, Clip, Frames, ClipError]] = {}
    for target in targets:
        errors = []
        for own, other in shared_events(planned, target, split):
            converted_db = convert(own, target)
            error = clip_error(converted_db, features.clips([other])[0], floor_db=floor_db)
            errors.append(error)
            kept[target, own.event_id] = (own, other, converted_db, error)
        pairs.append(pair_score(source, target, errors))
    return pairs, kept


def shared_events(planned: Planned, target: str, split: HeldOut) -> list[tuple[Clip, Clip]]:
    """Return (source clip, target clip) of the events of a split that both recorded."""
    other = {clip.event_id: clip for clip in planned.clips_of(split, target)}
    own = planned.clips_of(split, planned.plan.source)
    found = [(clip, other[clip.event_id]) for clip in own if clip.event_id in other]
    if not found:
        raise DataError(
            f"{planned.plan.source!r} and {target!r} recorded no event of the split {split!r} both",
            fix="choose another --target or --split",
        )
    return found


def _examples(
    planned: Planned,
    features: FeatureCache,
    kept: Mapping[tuple[str, str], tuple[Clip, Clip, Frames, ClipError]],
    targets: Sequence[str],
    split: HeldOut,
) -> list[Example]:
    """Return one event for all targets, where there is one that all recorded."""
    event = typical_event(planned, features, targets, split)
    if event is None:
        return []
    curves: dict[str, Curve] | None = None
    name = ""
    for name in (FR_SHIFT, BAND_MEAN):
        curves = reference_curves(planned, features, targets, name)
        if curves is not None:
            break
    examples = []
    for target in targets:
        own, other, converted_db, error = kept[target, event]
        examples.append(
            Example(
                source=planned.plan.source,
                target=target,
                event_id=event,
                label=own.label,
                input_db=features.clips([own])[0],
                converted_db=converted_db.copy(),  # its file goes with the scratch folder
                real_db=features.clips([other])[0],
                error=error,
                difference=name,
                difference_db=curves[target] if curves is not None else None,
            )
        )
    return examples


def floor_of(planned: Planned, features: FeatureCache) -> float:
    """Return what lower values count as; only decibels have such a floor."""
    return planned.benchmark.features.floor_db if features.scale == "db" else -math.inf


def typical_event(
    planned: Planned, features: FeatureCache, targets: Sequence[str], split: HeldOut
) -> str | None:
    """Return the event whose unconverted error, mean over targets, is the median of all events.

    So the pictured event is neither chosen nor flattering, and the same for all methods.
    """
    import numpy as np

    floor_db = floor_of(planned, features)
    errors: dict[str, list[float]] = {}
    for target in targets:
        for own, other in shared_events(planned, target, split):
            error = clip_error(*features.clips([own, other]), floor_db=floor_db)
            errors.setdefault(own.event_id, []).append(error.mean_abs_db)
    means = sorted(
        (float(np.mean(values)), event)
        for event, values in errors.items()
        if len(values) == len(targets)
    )
    return means[(len(means) - 1) // 2][1] if means else None
