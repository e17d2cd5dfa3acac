"""Tracks: more access never puts a row among those with less."""

from __future__ import annotations

import itertools

from devbench.contract.access import TRACKS, Access, track_of

ALL = [frozenset(c) for n in range(5) for c in itertools.combinations(Access, n)]


def test_every_combination_has_a_track_that_is_listed() -> None:
    assert len(ALL) == 16
    assert {track_of(needs) for needs in ALL} == set(TRACKS)


def test_blind_means_nothing_at_all() -> None:
    assert [needs for needs in ALL if track_of(needs) == "blind"] == [frozenset()]


def test_labels_of_targets_always_mean_oracle() -> None:
    for needs in ALL:
        assert (track_of(needs) == "oracle") == (Access.TARGET_LABELS in needs)


def test_tracks_of_the_published_methods() -> None:
    assert track_of([Access.DEVICE_FR]) == "device-fr"
    assert track_of([Access.UNPAIRED_TARGET]) == "unpaired-target"
    assert track_of([Access.UNPAIRED_TARGET, Access.DEVICE_FR]) == "device-fr+unpaired-target"
    assert track_of([Access.TEST_TIME, Access.DEVICE_FR]) == "test-time"
    assert track_of(iter(())) == "blind"
