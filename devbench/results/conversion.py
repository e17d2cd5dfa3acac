"""How near converted clips come to real ones, without a classifier: errors of log-mel in dB.

One definition. error = converted - real, in dB, of every frame and bin of an event that source and
target recorded both, frames aligned as recorded, cropped to the shorter; what lies below the floor
of the features counts as the floor, since no front end returns less.

mean_abs_db  mean of |error| over all bins and frames of a clip, then over clips, then over pairs
rms_db       root of the mean square over all bins and frames of a clip, then the same two means

Per band the first step is over the frames of one bin; so the mean of band_mean_abs_db over bins is
mean_abs_db, while the mean of band_rms_db is at most rms_db.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from devbench.benchmark.model import Features
from devbench.errors import ContractError
from devbench.files import pretty_json
from devbench.models import read_document
from devbench.results.record import (
    ArtifactUse,
    BenchmarkPlan,
    CorpusPlan,
    MethodPlan,
    PartPlan,
    Strict,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SCHEMA = 1
IDENTITY = "identity"
FR_SHIFT = "fr-shift"
FR_SHIFT_LEVEL = "fr-shift-level"
BAND_MEAN = "band-mean"
REFERENCES: Mapping[str, str] = {
    IDENTITY: "no conversion",
    FR_SHIFT: "add the difference of the measured frequency responses",
    FR_SHIFT_LEVEL: "the same, moved by one constant to the mean level of the convert clips",
    BAND_MEAN: "add the difference of the mean spectra of the convert clips",
}
Decibels = Annotated[float, Field(ge=0)]


@dataclass(frozen=True, slots=True, eq=False)
class ClipError:
    """Errors of one converted clip in dB: over the clip, and [bin] over its frames."""

    mean_abs_db: float
    rms_db: float
    band_mean_abs_db: NDArray[np.float64]
    band_rms_db: NDArray[np.float64]


class PairScore(Strict):
    """Errors of one source-target pair, means over its clips."""

    source: str
    target: str
    n_clips: int = Field(ge=1)
    mean_abs_db: Decibels
    rms_db: Decibels
    band_mean_abs_db: list[Decibels]
    band_rms_db: list[Decibels]


class ConversionScore(Strict):
    """One row: a reference or a method over its pairs.

    method: how it was built, None for a reference. artifacts: what it was given that is shared
    between runs, with its key, hash and origin. mean_abs_db, rms_db: means over the pairs.
    """

    name: str
    method: MethodPlan | None = None
    artifacts: list[ArtifactUse] = Field(default_factory=list)
    pairs: list[PairScore] = Field(min_length=1)
    mean_abs_db: Decibels
    rms_db: Decibels

    @model_validator(mode="after")
    def _adds_up(self) -> ConversionScore:
        names = [(pair.source, pair.target) for pair in self.pairs]
        if len(set(names)) != len(names):
            raise ValueError("pairs name a source and target twice")
        for key in ("mean_abs_db", "rms_db"):
            expected = _mean(getattr(pair, key) for pair in self.pairs)
            if not math.isclose(getattr(self, key), expected, rel_tol=1e-9, abs_tol=1e-9):
                raise ValueError(f"{key} is not the mean over the pairs, {expected:g}")
        return self


class Conversion(Strict):
    """One evaluation: every row over the same pairs and the same clips.

    bin_hz: centre of each bin. missing: references that the corpus has no data for.
    """

    schema_version: Literal[1] = Field(alias="schema", serialization_alias="schema", default=1)
    kind: Literal["conversion"] = "conversion"
    benchmark: BenchmarkPlan
    corpus: CorpusPlan
    frontend: PartPlan
    split: Literal["val", "test"]
    fold: int
    budget: str
    seed: int
    device: Literal["cpu", "cuda"]
    threads: int
    versions: dict[str, str]
    features: Features
    bin_hz: list[float]
    rows: list[ConversionScore] = Field(min_length=1)
    missing: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _fits(self) -> Conversion:
        if len({row.name for row in self.rows}) != len(self.rows):
            raise ValueError("rows name something twice")
        pairs = [[(p.source, p.target, p.n_clips) for p in row.pairs] for row in self.rows]
        if any(other != pairs[0] for other in pairs):
            raise ValueError("rows do not have the same pairs and clips")
        for row in self.rows:
            for pair in row.pairs:
                if {len(pair.band_mean_abs_db), len(pair.band_rms_db)} != {len(self.bin_hz)}:
                    raise ValueError(f"{row.name}: one error per bin of bin_hz is wanted")
        return self

    def row(self, name: str) -> ConversionScore | None:
        """Return the row with that name, or None."""
        return next((row for row in self.rows if row.name == name), None)

    def ratio_to_fr_shift(self, row: ConversionScore) -> float | None:
        """Return mean_abs_db over that of fr-shift; None where the corpus has no responses."""
        shift = self.row(FR_SHIFT)
        return row.mean_abs_db / shift.mean_abs_db if shift and shift.mean_abs_db > 0 else None

    def to_json(self) -> bytes:
        """Return the document as it lies on disk."""
        return pretty_json(self.model_dump(mode="json", by_alias=True))


def clip_error(
    converted_db: NDArray[np.float32], real_db: NDArray[np.float32], *, floor_db: float
) -> ClipError:
    """Return the errors of one clip; both are [frame, bin] dB and may differ in frames."""
    import numpy as np

    n_frames = min(len(converted_db), len(real_db))
    if n_frames == 0 or converted_db.shape[1:] != real_db.shape[1:]:
        raise ContractError(
            f"converted {converted_db.shape} cannot be held against real {real_db.shape}",
            fix="give [frame, bin] of one front end, one frame or more",
        )
    wanted = np.asarray(real_db[:n_frames], np.float64)
    error_db = np.maximum(np.asarray(converted_db[:n_frames], np.float64), floor_db) - wanted
    squared = np.square(error_db)
    return ClipError(
        mean_abs_db=float(np.mean(np.abs(error_db))),
        rms_db=float(np.sqrt(np.mean(squared))),
        band_mean_abs_db=np.mean(np.abs(error_db), axis=0),
        band_rms_db=np.sqrt(np.mean(squared, axis=0)),
    )


def pair_score(source: str, target: str, errors: Sequence[ClipError]) -> PairScore:
    """Return the means over the clips of one pair."""
    import numpy as np

    return PairScore(
        source=source,
        target=target,
        n_clips=len(errors),
        mean_abs_db=_mean(error.mean_abs_db for error in errors),
        rms_db=_mean(error.rms_db for error in errors),
        band_mean_abs_db=np.mean([error.band_mean_abs_db for error in errors], axis=0).tolist(),
        band_rms_db=np.mean([error.band_rms_db for error in errors], axis=0).tolist(),
    )


def score(
    name: str,
    pairs: Sequence[PairScore],
    *,
    method: MethodPlan | None = None,
    artifacts: Sequence[ArtifactUse] = (),
) -> ConversionScore:
    """Return a row with its means over the pairs."""
    return ConversionScore(
        name=name,
        method=method,
        artifacts=list(artifacts),
        pairs=list(pairs),
        mean_abs_db=_mean(pair.mean_abs_db for pair in pairs),
        rms_db=_mean(pair.rms_db for pair in pairs),
    )


def band_means(row: ConversionScore) -> tuple[list[float], list[float]]:
    """Return (mean absolute, RMS) error of every bin, means over the pairs: two [bin] in dB."""
    absolute = zip(*(pair.band_mean_abs_db for pair in row.pairs), strict=True)
    rms = zip(*(pair.band_rms_db for pair in row.pairs), strict=True)
    return [_mean(values) for values in absolute], [_mean(values) for values in rms]


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return math.fsum(found) / len(found)


def parse_conversion(path: Path) -> Conversion:
    """Return the evaluation in a file; DataError for damage or a newer schema."""
    return read_document(path, Conversion, schema=SCHEMA)


def pairs_csv(conversion: Conversion) -> str:
    """Return one line per row and pair."""
    header = ("row", "source", "target", "n_clips", "mean_abs_db", "rms_db")
    lines = [
        (row.name, p.source, p.target, p.n_clips, f"{p.mean_abs_db:.6f}", f"{p.rms_db:.6f}")
        for row in conversion.rows
        for p in row.pairs
    ]
    return _csv(header, lines)


def bands_csv(conversion: Conversion) -> str:
    """Return one line per row, pair and bin."""
    header = ("row", "source", "target", "bin", "centre_hz", "mean_abs_db", "rms_db")
    lines = [
        (row.name, p.source, p.target, number, f"{hz:.2f}", f"{absolute:.6f}", f"{rms:.6f}")
        for row in conversion.rows
        for p in row.pairs
        for number, (hz, absolute, rms) in enumerate(
            zip(conversion.bin_hz, p.band_mean_abs_db, p.band_rms_db, strict=True)
        )
    ]
    return _csv(header, lines)


def _csv(header: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(lines)
    return text.getvalue()
