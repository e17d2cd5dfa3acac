"""What a run answered: the class it said for every test event on every device, without logits.

All that a confusion matrix and an interval need, in a few kB, so that a folder of published records
can hold it:

    answers/<run_id>.json    events, their true classes, and the class said on each device

Numbers are indices into the record's classes, -1 where a device has no clip of an event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from devbench.errors import CheckError, DataError
from devbench.files import parse_json, pretty_json, read_bytes
from devbench.models import validated
from devbench.results.record import Record, Sha256, Strict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from devbench.results.logits import StoredLogits

ABSENT = -1
FIX = "publish the run again: devbench records publish"


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What one run said of every test event on every target device.

    label: [event] class indices. predicted: [device, event] class indices, -1 where a device has
    no clip of an event. events: names, sorted.
    """

    events: tuple[str, ...]
    label: NDArray[np.int64]
    predicted: NDArray[np.int64]
    n_classes: int

    @classmethod
    def of(cls, stored: StoredLogits, *, source: str) -> Answers:
        """Return the answers on all devices but the source."""
        targets = [index for index, name in enumerate(stored.devices) if name != source]
        label, said = _table(stored)
        return cls(stored.events, label, said[targets], len(stored.classes))

    def on(self, places: Sequence[int]) -> Answers:
        """Return the answers on some of the devices, by their places."""
        return replace(self, predicted=self.predicted[list(places)])

    def mean_targets(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean macro F1 over devices for every weighting of the events: [draw].

        weights: [draw, event], how often each event counts.
        """
        averaged: NDArray[np.float64] = self._f1(weights).mean(axis=(1, 2))
        return averaged

    def worst_target(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the lowest macro F1 of the devices for every weighting of the events: [draw]."""
        lowest: NDArray[np.float64] = self._f1(weights).mean(axis=1).min(axis=1)
        return lowest

    def _f1(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the F1 of every class and device: [draw, class, device]."""
        import numpy as np

        classes = np.arange(self.n_classes)[:, None, None]
        true = (self.label == classes) & (self.predicted >= 0)  # [class, device, event]
        said = self.predicted == classes
        columns = np.stack([2.0 * (true & said), true + 1.0 * said])  # hits, and what they are of
        n_events = columns.shape[-1]
        sums = weights @ np.ascontiguousarray(columns.reshape(-1, n_events).T)
        hits, mass = sums.reshape(len(weights), 2, self.n_classes, -1).transpose(1, 0, 2, 3)
        f1: NDArray[np.float64] = np.divide(hits, mass, out=np.zeros(hits.shape), where=mass > 0)
        return f1


class Sheet(Strict):
    """The file. events: names, sorted. label and, by device, said: one number per event."""

    schema_version: Literal[1] = Field(alias="schema", serialization_alias="schema", default=1)
    run_id: Sha256
    events: list[str]
    label: list[int]
    said: dict[str, list[int]]


def sheet(run_id: str, stored: StoredLogits) -> bytes:
    """Return the file of a run; equal logits give equal bytes."""
    label, said = _table(stored)
    rows = zip(stored.devices, said, strict=True)
    found = Sheet(
        run_id=run_id,
        events=list(stored.events),
        label=label.tolist(),
        said={device: row.tolist() for device, row in rows},
    )
    return pretty_json(found.model_dump(mode="json", by_alias=True))


def read_answers(path: Path, record: Record) -> Answers:
    """Return the answers of a record on its targets.

    Raises DataError for a file that is none, CheckError where it contradicts the record: every
    confusion matrix must come out of it.
    """
    import numpy as np

    document = parse_json(read_bytes(path), origin=str(path))
    found = validated(Sheet, document, origin=str(path), error_type=DataError)
    if found.run_id != record.run_id or [*found.said] != sorted(s.device for s in record.scores):
        raise CheckError(f"{path}: not the answers of this run", fix=FIX)
    n_events, n_classes = len(found.events), len(record.classes)
    label = _indices(found.label, n_events, n_classes, least=0, origin=str(path))
    said = {
        device: _indices(numbers, n_events, n_classes, least=ABSENT, origin=str(path))
        for device, numbers in found.said.items()
    }
    for score in record.scores:
        own = said[score.device]
        cells = (label * n_classes + own)[own != ABSENT]
        counts = np.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes)
        if counts.tolist() != score.confusion:
            raise CheckError(f"{path}: other answers than the record's on {score.device}", fix=FIX)
    targets = [score.device for score in record.scores if score.role == "target"]
    return Answers(
        tuple(found.events), label, np.stack([said[name] for name in targets]), n_classes
    )


def _table(stored: StoredLogits) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the true class [event] and the class said [device, event]."""
    import numpy as np

    said = np.full((len(stored.devices), len(stored.events)), ABSENT, dtype=np.int64)
    said[stored.device, stored.event] = stored.logits.argmax(axis=1)
    label = np.full(len(stored.events), ABSENT, dtype=np.int64)
    label[stored.event] = stored.label
    return label, said


def _indices(
    numbers: list[int], n_events: int, n_classes: int, *, least: int, origin: str
) -> NDArray[np.int64]:
    import numpy as np

    if len(numbers) != n_events or not all(least <= number < n_classes for number in numbers):
        raise DataError(
            f"{origin}: not {n_events} numbers from {least} to {n_classes - 1}", fix=FIX
        )
    return np.array(numbers, dtype=np.int64)
