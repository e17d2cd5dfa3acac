"""The few words above a track's table: which method, how sure, and what a plain one would do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from devbench.contract.access import TRACKS
from devbench.results.render import clean
from devbench.results.tables import Row

BOUNDS = ("baseline", "ideal")
TRACK_WORDS: Mapping[str, str] = {
    "blind": "labelled clips of the source, and nothing else",
    "device-fr": "also measured frequency responses of the targets",
    "unpaired-target": "also unlabelled clips of the targets",
    "device-fr+unpaired-target": "also frequency responses and unlabelled clips of the targets",
    "test-time": "also the unlabelled test clips of a target while they are predicted",
    "oracle": "labelled clips of the targets: the upper bound, not a method",
}
STATUS_WORDS: Mapping[str, str] = {
    "failed": "no run of the row has a score.",
    "file": "the method was loaded with --plugin from a file that nobody else has.",
    "open options": "an option was set with --set; defaults are ranked.",
    "no isolation": "a run was made without separate processes.",
    "incomplete": "sources that other rows of the table have are missing.",
    "claimed": "a run does not hold at V1 here, or its logits are not here to recompute it from.",
    "preliminary": "fewer seeds or folds than the benchmark asks for.",
}


class Named(NamedTuple):
    """A method with its mean over targets, and the track that it stands in."""

    name: str
    mean: float
    track: str


@dataclass(frozen=True, slots=True)
class Glance:
    """The summary of a track. row: the pick; None where no row has a mean over all sources.

    rivals: ranked methods that may be best, too, by their bands. learned, control: the best method
    with a trained converter, and the best without one that sees no more; both or none.
    """

    row: Row | None
    name: str
    reason: str
    rivals: tuple[str, ...]
    learned: Named | None
    control: Named | None


def named(row: Row) -> str:
    """Return a row's method with its options, cleaned but not escaped."""
    return clean(f"{row.method} ({row.options})" if row.options else row.method)


def status_words(status: str) -> str:
    """Return why a row with that status has no rank."""
    return next((w for name, w in STATUS_WORDS.items() if status.startswith(name)), status)


def glance_of(
    track: str,
    tables: Iterable[tuple[str, Sequence[Row]]],
    is_learned: Mapping[str, bool],
) -> Glance:
    """Return the summary of one track of a block.

    tables: all tracks of the block. is_learned: by the first run_id of a row.
    """
    by_track = dict(tables)
    row = _best(by_track[track])
    rivals = tuple(
        named(other)
        for other in by_track[track]
        if other is not row and other.rank is not None and other.band and other.band[0] == 1
    )
    learned = control = None
    if track in TRACKS and track != "oracle":
        learned = _best_named(by_track, [track], is_learned, wanted=True)
        if learned is not None:
            control = _best_named(by_track, _no_more_than(track), is_learned, wanted=False)
    return Glance(
        row=row,
        name=named(row) if row else "",
        reason=status_words(row.status) if row and row.rank is None else "",
        rivals=rivals,
        learned=learned if control else None,
        control=control,
    )


def _no_more_than(track: str) -> list[str]:
    """Return the tracks whose methods see nothing that this track's may not."""
    if track == "test-time":
        return [track, "blind"]
    own = set(track.split("+"))
    return [t for t in TRACKS if t == "blind" or set(t.split("+")) <= own]


def _is_comparable(row: Row) -> bool:
    """Return whether a row is as the table's others but for its standing or number of seeds."""
    return row.mean_targets is not None and row.status.startswith(
        ("ranked", "claimed", "preliminary")
    )


def _best(rows: Iterable[Row]) -> Row | None:
    """Return the best of the ranked rows, else of those with default options, else of all."""
    held = [row for row in rows if row.mean_targets is not None]
    for wanted in (lambda r: r.rank is not None, _is_comparable, lambda _: True):
        for row in held:  # best first
            if wanted(row):
                return row
    return None


def _best_named(
    by_track: Mapping[str, Sequence[Row]],
    tracks: Iterable[str],
    is_learned: Mapping[str, bool],
    *,
    wanted: bool,
) -> Named | None:
    found = [
        Named(named(row), row.mean_targets, track)
        for track in tracks
        for row in by_track.get(track, ())
        if _is_comparable(row)
        and row.mean_targets is not None
        and row.run_ids
        and is_learned[row.run_ids[0]] == wanted
        and row.method not in BOUNDS
    ]
    return max(found, key=lambda one: one.mean, default=None)
