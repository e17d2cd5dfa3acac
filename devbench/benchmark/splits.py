"""Splits by event, the same for all devices, and the proof that no sound is on two sides."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from devbench.benchmark.model import SPLITS, Benchmark, Split, Splits
from devbench.contract.values import Clip
from devbench.errors import ConfigurationError, DataError


def assign(clips: Iterable[Clip], splits: Splits, fold: int = 0) -> dict[str, Split]:
    """Return the split of every event: event_id -> convert, train, val or test.

    Groups (source recordings) stay together. The result does not depend on the order of clips or
    on which devices recorded an event.

    fold: rotates the folds of scheme 'folds'; the other schemes salt their order with it, and
    the official test side stays what it is.
    """
    groups: dict[str, Clip] = {}
    events: dict[str, set[str]] = defaultdict(set)
    for clip in clips:
        known = groups.setdefault(clip.group, clip)
        if (clip.label, clip.event_id) < (known.label, known.event_id):
            groups[clip.group] = clip  # the group's class and fold: those of its first event
        if splits.scheme != "hash" and clip.fold != known.fold:
            raise ConfigurationError(
                f"group {clip.group!r} lies in folds {known.fold} and {clip.fold}",
                fix="give all clips of one source recording the same fold in the manifest",
            )
        events[clip.group].add(clip.event_id)
    by_scheme = {"hash": _by_hash, "folds": _by_folds, "official": _by_side}
    by_group = by_scheme[splits.scheme](groups, splits, fold)
    return {event: by_group[group] for group in sorted(events) for event in sorted(events[group])}


def _by_hash(
    groups: Mapping[str, Clip], splits: Splits, fold: int, *, parts: Sequence[Split] = SPLITS
) -> dict[str, Split]:
    salt = splits.salt if fold == 0 else f"{splits.salt}/{fold}"
    found: dict[str, Split] = {}
    for members in _classes(groups).values():
        ordered = _shuffled(members, salt)
        edge, start = 0.0, 0
        for split in parts:
            edge += getattr(splits, split)
            # Ties go up, so that a part of at least 1 / len(ordered) is never empty; without the
            # inner rounding 0.1 + 0.2 would lie above 0.3.
            stop = math.floor(round(edge * len(ordered), 9) + 0.5)
            found.update(dict.fromkeys(ordered[start:stop], split))
            start = stop
    return found


def _by_side(groups: Mapping[str, Clip], splits: Splits, fold: int) -> dict[str, Split]:
    present = sorted({clip.fold for clip in groups.values()})
    if present != [1, 2]:
        raise ConfigurationError(
            f"the corpus has folds {present}, an official split is 1 (train) and 2 (test)",
            fix="import the corpus with the layout that keeps its official split",
        )
    learning = {group: clip for group, clip in groups.items() if clip.fold == 1}
    found = _by_hash(learning, splits, fold, parts=("convert", "train", "val"))
    return {**found, **{g: "test" for g in groups if g not in learning}}


def _by_folds(groups: Mapping[str, Clip], splits: Splits, fold: int) -> dict[str, Split]:
    present = sorted({clip.fold for clip in groups.values()})
    if len(present) != splits.n_folds:
        raise ConfigurationError(
            f"the corpus has folds {present}, the benchmark wants {splits.n_folds}",
            fix="use the corpus that the benchmark names, or correct its 'fold' column",
        )
    turned = present[fold % len(present) :] + present[: fold % len(present)]
    convert = set(turned[: splits.convert_folds])
    test = set(turned[splits.convert_folds + splits.train_folds :])
    found: dict[str, Split] = {}
    for members in _classes(groups).values():
        learning = [g for g in members if groups[g].fold not in convert | test]
        ordered = _shuffled(learning, f"{splits.salt}/val")
        n_val = max(1, round(splits.val * len(ordered)))
        for group in members:
            if groups[group].fold in convert:
                found[group] = "convert"
            elif groups[group].fold in test:
                found[group] = "test"
        found.update(dict.fromkeys(ordered[:n_val], "val"))
        found.update(dict.fromkeys(ordered[n_val:], "train"))
    return found


def _classes(groups: Mapping[str, Clip]) -> dict[str, list[str]]:
    classes: dict[str, list[str]] = defaultdict(list)
    for group in sorted(groups):
        classes[groups[group].label].append(group)
    return dict(sorted(classes.items()))


def _shuffled(groups: Sequence[str], salt: str) -> list[str]:
    return sorted(groups, key=lambda g: (hashlib.sha256(f"{salt}\0{g}".encode()).digest(), g))


def select(clips: Iterable[Clip], benchmark: Benchmark) -> list[Clip]:
    """Return the clips of the benchmark's classes and devices, sorted by device and event."""
    classes = set(benchmark.classes)
    place = {device: at for at, device in enumerate(benchmark.devices)}
    kept = [clip for clip in clips if clip.label in classes and clip.device in place]
    return sorted(kept, key=lambda clip: (place[clip.device], clip.event_id))


def require_sound(
    clips: Sequence[Clip], split_of: Mapping[str, Split], benchmark: Benchmark
) -> None:
    """Refuse a split in which a group is on two sides or a device lacks a class.

    Source training needs every class in train and val on every device that may be the source;
    macro F1 needs every class in test on every device, so that no class is empty.
    """
    sides: dict[str, Split] = {}
    cells: set[tuple[str, str, str]] = set()
    for clip in clips:
        split = split_of[clip.event_id]
        if sides.setdefault(clip.group, split) != split:
            raise ConfigurationError(
                f"group {clip.group!r} would be heard in {sides[clip.group]} and in {split}",
                fix="split by group: give clips of one source recording one group and one fold",
            )
        cells.add((split, clip.device, clip.label))
    for split in ("train", "val", "test"):
        for device in benchmark.devices if split == "test" else benchmark.sources:
            for label in benchmark.classes:
                if (split, device, label) not in cells:
                    raise DataError(
                        f"benchmark {benchmark.id!r}: device {device!r} has no {split} clip of "
                        f"class {label!r}",
                        fix="add recordings, remove the class or the device, or change the split",
                    )
