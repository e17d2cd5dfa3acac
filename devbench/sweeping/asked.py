"""What the cells of a sweep were: from this a run is known as part of it, long after it ended.

sweeps/<sweep_id>/asked/<n>.json   n from 0; the next one when the same grid has other runs, as with
                                   changed code

A run that several sweeps ask for belongs to the one that asked first.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from devbench.errors import DataError
from devbench.files import parse_json, pretty_json, publish, read_bytes
from devbench.models import validated
from devbench.results.record import Sha256, Strict
from devbench.results.store import Store
from devbench.sweeping.sweep import State, Sweep, saved_sweeps

_NAME = re.compile(r"[0-9]{1,9}\.json")


class Asked(Strict):
    """The runs that a sweep asked for at one time. benchmark: its id."""

    at_utc: str
    benchmark: str
    run_ids: list[Sha256]


@dataclass(frozen=True, slots=True)
class Family:
    """A sweep with what it asked for, oldest first; never empty."""

    sweep: Sweep
    asked: tuple[Asked, ...]

    @property
    def sweep_id(self) -> str:
        """Return the name of the sweep."""
        return self.sweep.grid.sweep_id

    @property
    def benchmark(self) -> str:
        """Return the id of its benchmark."""
        return self.asked[0].benchmark

    @property
    def begun_at_utc(self) -> str:
        """Return when it was asked for first."""
        return self.asked[0].at_utc

    @property
    def run_ids(self) -> list[str]:
        """Return its cells as they were asked for last."""
        return self.asked[-1].run_ids

    def states(self) -> dict[str, State]:
        """Return how each cell stands, by run_id."""
        return self.sweep.states(self.run_ids)


def note_asked(sweep: Sweep, *, benchmark: str, run_ids: Sequence[str]) -> None:
    """Write down what a sweep asks for, unless that is what it asked for last."""
    folder = sweep.folder / "asked"
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    asked = Asked(at_utc=now, benchmark=benchmark, run_ids=list(run_ids))
    data = pretty_json(asked.model_dump(mode="json"))
    while True:  # publish lets the first writer win, so look whose file it became
        known = _read(folder)
        if known and known[max(known)].run_ids == asked.run_ids:
            return
        path = folder / f"{max(_numbers(folder), default=-1) + 1}.json"
        publish(path, data)
        if read_bytes(path) == data:
            return


def families(store: Store) -> list[Family]:
    """Return the sweeps of a store, first asked first; what cannot be read is left out."""
    found = [
        Family(sweep, tuple(asked for _, asked in sorted(known.items())))
        for sweep in saved_sweeps(store)
        if (known := _read(sweep.folder / "asked"))
    ]
    return sorted(found, key=lambda family: (family.begun_at_utc, family.sweep_id))


def by_run(families: Sequence[Family]) -> dict[str, Family]:
    """Return the sweep that each run belongs to: the first that ever asked for it."""
    found: dict[str, Family] = {}
    for family in families:
        for asked in family.asked:
            for run_id in asked.run_ids:
                found.setdefault(run_id, family)
    return found


def _numbers(folder: Path) -> list[int]:
    if not folder.is_dir():
        return []
    return [int(path.stem) for path in folder.iterdir() if _NAME.fullmatch(path.name)]


def _read(folder: Path) -> dict[int, Asked]:
    found: dict[int, Asked] = {}
    for number in _numbers(folder):
        path = folder / f"{number}.json"
        with contextlib.suppress(DataError):
            document = parse_json(read_bytes(path), origin=str(path))
            found[number] = validated(Asked, document, origin=str(path), error_type=DataError)
    return found
