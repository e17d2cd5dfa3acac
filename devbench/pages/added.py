"""What the runs of one row add to source clips, averaged: quantile bands over frequency."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from devbench.results.metrics import mean
from devbench.results.record import Record

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Those that the chart has places for; records with others are not drawn."""


class Added(NamedTuple):
    """Quantiles over clips of what is added, the mean over classifiers. db: [quantile][band]."""

    hz: tuple[float, ...]
    db: tuple[tuple[float, ...], ...]


def added_of(records: Iterable[Record]) -> Added | None:
    """Return what the classifiers of a row add; None where none says, as with layers.

    Those on other bands than the first are left out.
    """
    held = [model.added_db for record in records for model in record.models]
    found = [one for one in held if one is not None and tuple(one.quantiles) == QUANTILES]
    own = [one for one in found if one.hz == found[0].hz]
    if not own:
        return None
    curves = [
        tuple(mean(values) for values in zip(*(one.db[q] for one in own), strict=True))
        for q in range(len(QUANTILES))
    ]
    return Added(tuple(own[0].hz), tuple(curves))
