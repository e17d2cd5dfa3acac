"""Splits: no sound on two sides, one side for all devices, whatever the manifest looks like."""

from __future__ import annotations

import dataclasses
import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devbench.benchmark.model import SPLITS, Benchmark, Splits
from devbench.benchmark.splits import assign, require_sound, select
from devbench.contract.values import Clip
from devbench.errors import ConfigurationError, DataError

HASH = Splits(scheme="hash")
FOLDS = Splits(scheme="folds", n_folds=5, convert_folds=2, train_folds=2, test_folds=1, val=0.2)
LABELS = ("bell", "dog", "rain", "siren")


def clip(event: str, device: str, label: str, group: str, fold: int = 0) -> Clip:
    return Clip(f"{device}/{event}", event, device, label, f"{device}/{event}.wav", "0" * 64, 1,
                group, fold)  # fmt: skip


@st.composite
def manifests(draw: st.DrawFn, *, n_folds: int = 0) -> list[Clip]:
    """Draw clips: devices 2-8, events 5-500, events in groups, missing recordings, any order."""
    rng = random.Random(draw(st.integers(0, 2**32)))  # one draw: 4000 single ones would be slow
    devices = [f"d{n}" for n in range(draw(st.integers(2, 8)))]
    n_events = draw(st.integers(max(5, n_folds), 500))
    labels = LABELS[: draw(st.integers(1, 4))]
    per_group = draw(st.integers(1, 4))
    missing = draw(st.sampled_from([0.0, 0.05, 0.5]))
    clips = []
    for number in range(n_events):
        place = number // per_group
        # A source recording may hold sounds of several classes.
        label = labels[(place if rng.random() < 0.9 else number) % len(labels)]
        fold = 1 + place % n_folds if n_folds else 0
        heard = [d for d in devices if rng.random() >= missing] or [rng.choice(devices)]
        clips += [clip(f"e{number}", d, label, f"g{place}", fold) for d in heard]
    rng.shuffle(clips)
    return clips


def sides_of_groups(clips: Sequence[Clip], split_of: dict[str, Any]) -> dict[str, set[str]]:
    sides: dict[str, set[str]] = defaultdict(set)
    for one in clips:
        sides[one.group].add(split_of[one.event_id])
    return sides


@settings(max_examples=150, deadline=None)
@given(clips=manifests(), fold=st.integers(0, 9), salt=st.text(max_size=60))
def test_hash_every_group_is_on_one_side(clips: list[Clip], fold: int, salt: str) -> None:
    split_of = assign(clips, Splits(scheme="hash", salt=salt), fold)
    assert split_of.keys() == {c.event_id for c in clips}
    assert set(split_of.values()) <= set(SPLITS)
    assert all(len(sides) == 1 for sides in sides_of_groups(clips, split_of).values())


@settings(max_examples=100, deadline=None)
@given(clips=manifests(n_folds=5), fold=st.integers(0, 4))
def test_folds_every_group_is_on_one_side(clips: list[Clip], fold: int) -> None:
    if len({c.fold for c in clips}) < 5:
        with pytest.raises(ConfigurationError, match="the benchmark wants 5"):
            assign(clips, FOLDS, fold)
        return
    split_of = assign(clips, FOLDS, fold)
    assert all(len(sides) == 1 for sides in sides_of_groups(clips, split_of).values())
    turned = [(1 + (fold + n) % 5) for n in range(5)]
    for one in clips:
        side = split_of[one.event_id]
        if one.fold in turned[:2]:
            assert side == "convert"
        elif one.fold == turned[4]:
            assert side == "test"
        else:  # val comes from the train folds only
            assert side in ("train", "val")


@settings(max_examples=100, deadline=None)
@given(clips=manifests(n_folds=5), data=st.data())
@pytest.mark.parametrize("splits", [HASH, FOLDS], ids=["hash", "folds"])
def test_order_of_rows_and_choice_of_devices_change_nothing(
    splits: Splits, clips: list[Clip], data: st.DataObject
) -> None:
    if splits is FOLDS and len({c.fold for c in clips}) < 5:
        return
    split_of = assign(clips, splits)
    assert assign(sorted(clips, key=lambda c: c.clip_id), splits) == split_of
    # A device more, which recorded everything: no event moves.
    events = {c.event_id: c for c in clips}
    added = [dataclasses.replace(c, device="new", clip_id=f"new/{e}") for e, c in events.items()]
    assert assign([*clips, *added], splits) == split_of
    # A device less, as long as another one heard every event.
    gone = data.draw(st.sampled_from(sorted({c.device for c in clips})))
    rest = [c for c in [*clips, *added] if c.device != gone]
    assert assign(rest, splits) == split_of


@settings(max_examples=200, deadline=None)
@given(
    n_groups=st.integers(10, 120),
    parts=st.tuples(st.integers(10, 70), st.integers(10, 70), st.integers(10, 70)).filter(
        lambda p: sum(p) <= 90
    ),
    salt=st.text(max_size=10),
)
def test_no_part_of_a_class_of_ten_groups_is_empty(
    n_groups: int, parts: tuple[int, int, int], salt: str
) -> None:
    convert, train, val = (part / 100 for part in parts)
    test = (100 - sum(parts)) / 100
    splits = Splits(scheme="hash", salt=salt, convert=convert, train=train, val=val, test=test)
    clips = [clip(f"e{n}", "d", "dog", f"g{n}") for n in range(n_groups)]
    sizes = {split: 0 for split in SPLITS}
    for side in assign(clips, splits).values():
        sizes[side] += 1
    assert sum(sizes.values()) == n_groups
    for split, size in sizes.items():
        assert size >= 1
        assert abs(size - getattr(splits, split) * n_groups) <= 1.0 + 1e-6  # one rounding an end


def test_default_fractions_of_forty_groups() -> None:
    clips = [clip(f"e{n}", "d", "dog", f"g{n}") for n in range(40)]
    sides = list(assign(clips, HASH).values())
    assert [sides.count(split) for split in SPLITS] == [12, 16, 4, 8]


def test_each_class_is_cut_by_itself() -> None:
    clips = [clip(f"{label}{n}", "d", label, f"{label}{n}") for label in LABELS for n in range(10)]
    split_of = assign(clips, HASH)
    for label in LABELS:
        sides = [split_of[f"{label}{n}"] for n in range(10)]
        assert [sides.count(split) for split in SPLITS] == [3, 4, 1, 2]


def test_fold_and_salt_give_other_splits() -> None:
    clips = [clip(f"e{n}", "d", "dog", f"g{n}") for n in range(60)]
    found = [assign(clips, HASH, fold) for fold in range(3)]
    found.append(assign(clips, Splits(scheme="hash", salt="other")))
    assert all(a != b for n, a in enumerate(found) for b in found[:n])


def test_folds_rotate_through_test_and_convert() -> None:
    clips = [clip(f"e{n}", "d", "dog", f"g{n}", 1 + n % 5) for n in range(50)]
    tested: dict[str, int] = defaultdict(int)
    converted: dict[str, int] = defaultdict(int)
    for fold in range(5):
        for event, side in assign(clips, FOLDS, fold).items():
            tested[event] += side == "test"
            converted[event] += side == "convert"
    assert set(tested.values()) == {1}
    assert set(converted.values()) == {2}


def test_val_of_folds_has_its_share_and_is_never_empty() -> None:
    clips = [clip(f"e{n}", "d", "dog", f"g{n}", 1 + n % 5) for n in range(50)]
    sides = list(assign(clips, FOLDS).values())
    assert [sides.count(split) for split in SPLITS] == [20, 16, 4, 10]
    few = [clip(f"e{n}", "d", "dog", f"g{n}", 1 + n) for n in range(5)]
    assert list(assign(few, FOLDS).values()).count("val") == 1


def test_a_group_in_two_folds_is_refused() -> None:
    clips = [clip("e1", "d", "dog", "g", 1), clip("e2", "d", "dog", "g", 2)]
    with pytest.raises(ConfigurationError, match=r"group 'g' lies in folds 1 and 2") as caught:
        assign(clips, FOLDS)
    assert "same fold" in caught.value.fix
    assert set(assign(clips, HASH).values()) <= set(SPLITS)  # hash does not look at folds


def benchmark(**changes: Any) -> Benchmark:
    document: dict[str, Any] = {
        "schema": 1,
        "id": "small",
        "version": 1,
        "title": "small",
        "corpus": "small",
        "classes": ["dog", "rain"],
        "devices": ["phone", "watch"],
        "splits": {"scheme": "hash"},
        "budgets": {
            "quick": {"backbone": "small-cnn", "epochs": 1, "batch": 2, "learning_rate": 0.1}
        },
    }
    return Benchmark.model_validate({**document, **changes})


def small_clips() -> list[Clip]:
    return [
        clip(f"{label}{n:02d}", device, label, f"{label}{n:02d}")
        for device in ("watch", "phone", "tablet")
        for label in ("rain", "dog", "bell")
        for n in range(10)
    ]


def test_select_keeps_the_benchmarks_devices_and_classes_in_its_order() -> None:
    kept = select(small_clips(), benchmark())
    assert [c.device for c in kept] == ["phone"] * 20 + ["watch"] * 20
    assert [c.event_id for c in kept[:20]] == sorted(c.event_id for c in kept[:20])
    assert {c.label for c in kept} == {"dog", "rain"}


def test_a_sound_split_passes() -> None:
    kept = select(small_clips(), benchmark())
    require_sound(kept, assign(kept, HASH), benchmark())


@pytest.mark.parametrize("side", ["train", "val", "test"])
@pytest.mark.parametrize("device", ["phone", "watch"])
def test_a_class_that_a_device_lacks_is_refused(side: str, device: str) -> None:
    kept = select(small_clips(), benchmark())
    split_of = assign(kept, HASH)
    rest = [c for c in kept if (split_of[c.event_id], c.device, c.label) != (side, device, "dog")]
    with pytest.raises(DataError) as caught:
        require_sound(rest, split_of, benchmark())
    assert caught.value.what == (
        f"benchmark 'small': device {device!r} has no {side} clip of class 'dog'"
    )


def test_convert_may_be_empty() -> None:
    kept = select(small_clips(), benchmark())
    split_of = assign(kept, HASH)
    require_sound([c for c in kept if split_of[c.event_id] != "convert"], split_of, benchmark())


@pytest.mark.parametrize("other", ["convert", "train", "val"])
def test_a_group_on_two_sides_is_refused(other: str) -> None:
    kept = select(small_clips(), benchmark())
    split_of: dict[str, Any] = dict(assign(kept, HASH))
    tested = next(c for c in kept if split_of[c.event_id] == "test")
    leak = dataclasses.replace(tested, event_id="leak", clip_id="leak")
    split_of["leak"] = other
    with pytest.raises(ConfigurationError, match="would be heard in") as caught:
        require_sound([*kept, leak], split_of, benchmark())
    assert repr(tested.group) in caught.value.what
    assert "one group" in caught.value.fix


OFFICIAL = Splits(scheme="official", convert=0.2, train=0.7, val=0.1)


@settings(max_examples=100, deadline=None)
@given(clips=manifests(n_folds=2), fold=st.integers(0, 4))
def test_official_the_test_side_is_fold_2_and_nothing_else(clips: list[Clip], fold: int) -> None:
    if {c.fold for c in clips} != {1, 2}:
        with pytest.raises(ConfigurationError, match="an official split is 1"):
            assign(clips, OFFICIAL, fold)
        return
    split_of = assign(clips, OFFICIAL, fold)
    assert all((split_of[c.event_id] == "test") == (c.fold == 2) for c in clips)
    assert all(len(sides) == 1 for sides in sides_of_groups(clips, split_of).values())


def test_official_cuts_the_learning_side_at_the_fractions() -> None:
    clips = [clip(f"e{n}", "d", "dog", f"g{n}", 1 + (n >= 40)) for n in range(60)]
    sides = list(assign(clips, OFFICIAL).values())
    assert {s: sides.count(s) for s in SPLITS} == {"convert": 8, "train": 28, "val": 4, "test": 20}
    other = assign(clips, OFFICIAL, 1)
    assert other != assign(clips, OFFICIAL)  # other locations are validated on


def test_an_unseen_device_needs_test_clips_only() -> None:
    clips = [
        clip(f"e{n}", device, label, f"{label}{n}", 1 + (n >= 20))
        for n in range(30)
        for label in ("hum", "tick", "noise")
        for device in ("phone", "tablet", "watch")
        if not (device == "watch" and n < 20)
    ]
    clips = [dataclasses.replace(c, event_id=f"{c.label}-{c.event_id}") for c in clips]
    seen = Benchmark.model_validate(
        {**BENCHMARK_OF_OFFICIAL, "devices": ["phone", "tablet", "watch"]}
    )
    with pytest.raises(DataError, match="'watch' has no train clip"):
        require_sound(clips, assign(clips, OFFICIAL), seen)
    unseen = seen.model_copy(update={"unseen": ["watch"]})
    require_sound(clips, assign(clips, OFFICIAL), unseen)
    assert unseen.sources == ["phone", "tablet"]
    without = [c for c in clips if not (c.device == "watch" and c.label == "hum")]
    with pytest.raises(DataError, match="'watch' has no test clip of class 'hum'"):
        require_sound(without, assign(without, OFFICIAL), unseen)


BENCHMARK_OF_OFFICIAL: dict[str, Any] = {
    "schema": 1, "id": "tiny", "version": 1, "title": "t", "corpus": "tiny",
    "classes": ["hum", "tick", "noise"],
    "splits": {"scheme": "official", "convert": 0.2, "train": 0.7, "val": 0.1},
    "budgets": {"quick": {"backbone": "small-cnn", "epochs": 1, "batch": 2, "learning_rate": 1e-3}},
}  # fmt: skip
