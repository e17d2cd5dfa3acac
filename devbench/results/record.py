"""The record: the immutable JSON of one run. Every table and every mirror is a view of records.

Fractions and counts, never percent; no NaN. All that differs between two runs of one plan (times,
memory, the machine) stands under `measured`; the rest is equal byte for byte.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from devbench.errors import DataError
from devbench.files import canonical_json, parse_json, pretty_json, read_bytes, sha256_bytes
from devbench.models import validated

SCHEMA = 1
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Fraction = Annotated[float, Field(ge=0, le=1)]


class Strict(BaseModel):
    """A frozen model that refuses unknown keys and numbers that are none."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class PartPlan(Strict):
    """One plugin of a plan. code_sha256: of the file it was loaded from.

    options: every option with the value in force; opened: those set by --set, and 'name' where the
    front end is another than the benchmark's.
    """

    name: str
    version: int
    distribution: str
    distribution_version: str
    code_sha256: Sha256
    options: dict[str, bool | int | float | str] = {}
    opened: list[str] = []


class MethodPlan(PartPlan):
    """The method of a plan. is_file: loaded with --plugin FILE, therefore never ranked."""

    needs: list[str]
    track: str
    acts_on: Literal["waveform", "spectrogram"]
    per_target: bool
    is_file: bool


class BenchmarkPlan(Strict):
    """The benchmark of a plan."""

    id: str
    version: int
    sha256: Sha256


class CorpusPlan(Strict):
    """The corpus of a plan; provenance is repeated in every report."""

    name: str
    version: int
    fingerprint: Sha256
    provenance: str


class Plan(Strict):
    """Everything a result depends on; its hash is the run_id."""

    method: MethodPlan
    backbone: PartPlan
    frontend: PartPlan
    benchmark: BenchmarkPlan
    corpus: CorpusPlan
    source: str
    targets: list[str]
    fold: int
    budget: str
    seed: int
    threads: int
    device: Literal["cpu", "cuda"]
    precision: Literal["fp32", "bf16"]
    isolation: Literal["process", "sandbox", "none"]
    versions: dict[str, str]

    @property
    def run_id(self) -> str:
        """Return the SHA-256 of the plan's canonical JSON."""
        return sha256_bytes(canonical_json(self.model_dump(mode="json")))


class DeviceScore(Strict):
    """Scores of one device. confusion: [true][predicted] counts in the order of the classes."""

    device: str
    role: Literal["source", "target"]
    macro_f1: Fraction
    weighted_f1: Fraction
    n_clips: int
    confusion: list[list[int]]


class Summary(Strict):
    """Headline figures over devices (design: headline figures); source is None when per_target."""

    mean_targets: Fraction
    worst_target: Fraction
    worst_device: str
    source: Fraction | None
    mean_all: Fraction | None
    spread: float


class Epoch(Strict):
    """One epoch that was validated; source numbers only."""

    epoch: int
    loss: float
    val_loss: float
    val_macro_f1: Fraction


class ArtifactMade(Strict):
    """Where and how an artifact was made. n_steps: as its builder told, if it did."""

    at_utc: str
    device: str
    precision: str
    threads: int
    versions: dict[str, str]
    n_steps: int | None = None


class ArtifactUse(Strict):
    """An artifact that a method used. key: what it was made from; sha256: of its tensors.

    origin: built in the store, added to it from elsewhere, or shipped with the plugin.
    same_corpus: was it made from this corpus byte for byte, or from one of that name and version
    as another machine generates it?
    """

    name: str
    key: Sha256
    sha256: Sha256
    origin: Literal["built", "added", "shipped"]
    same_corpus: bool
    config: dict[str, Any]
    devices: list[str]
    made: ArtifactMade

    @field_validator("config")
    @classmethod
    def _is_json(cls, config: dict[str, Any]) -> dict[str, Any]:
        canonical_json(config)  # 1e999 is read as infinity
        return config


class AddedLevel(Strict):
    """What a method adds to source clips, in dB as a mean over a clip's frames.

    hz: centres of bands, rising. quantiles: shares of clips. db: [quantile][band].
    """

    hz: list[Annotated[float, Field(gt=0, le=1e6)]] = Field(min_length=2, max_length=64)
    quantiles: list[Fraction] = Field(min_length=1, max_length=16)
    db: list[list[Annotated[float, Field(ge=-1000, le=1000)]]]

    @model_validator(mode="after")
    def _is_whole(self) -> AddedLevel:
        if any(low >= high for low, high in itertools.pairwise(self.hz)):
            raise ValueError("hz does not rise")
        if [len(row) for row in self.db] != [len(self.hz)] * len(self.quantiles):
            raise ValueError("db is not [quantile][band]")
        return self


class Model(Strict):
    """One trained classifier. target: the device it was made for, None when for all.

    selected_epoch: whose weights were kept (1 = first). artifacts: that its method used, in the
    order in which it asked. added_db: None where nothing is added, labels change, or the front end
    is not in dB. Both are left out of the file when there are none.
    """

    target: str | None
    weights_sha256: Sha256
    n_parameters: int
    selected_epoch: int
    history: list[Epoch]
    artifacts: list[ArtifactUse] = []
    added_db: AddedLevel | None = None

    @model_serializer(mode="wrap")
    def _without_empty(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Keep records of methods without these the bytes that they were before there were."""
        document: dict[str, Any] = handler(self)
        for name in ("artifacts", "added_db"):
            if not document.get(name):
                document.pop(name, None)
        return document


class Checks(Strict):
    """What was checked after prediction. independence: do clips alone, permuted and together agree?

    max_difference: of logits, over the probed clips; None when the method adapts at test time.
    """

    independence: Literal["passed", "not-applicable"]
    max_difference: float | None


class Record(Strict):
    """One finished run."""

    schema_version: Literal[1] = Field(alias="schema", serialization_alias="schema", default=1)
    run_id: Sha256
    plan: Plan
    classes: list[str]
    scores: list[DeviceScore]
    summary: Summary
    models: list[Model]
    logits_sha256: Sha256
    checks: Checks
    warnings: list[str] = []
    measured: dict[str, Any]

    def to_json(self) -> bytes:
        """Return the record as it lies on disk."""
        return pretty_json(self.model_dump(mode="json", by_alias=True))

    def reproducible(self) -> dict[str, Any]:
        """Return the record without what differs between two runs of one plan.

        One artifact may come from different places: what it is counts, not how it came here.
        """
        by_place = {"artifacts": {"__all__": {"origin", "made"}}}
        return self.model_dump(
            mode="json", by_alias=True, exclude={"measured": True, "models": {"__all__": by_place}}
        )


def parse_record(data: bytes, *, origin: str) -> Record:
    """Return the record in data; raises DataError for a newer schema, damage or a wrong run_id."""
    document = parse_json(data, origin=origin)
    schema = document.get("schema") if isinstance(document, dict) else None
    if isinstance(schema, int) and schema > SCHEMA:
        raise DataError(
            f"{origin}: schema {schema} is newer than the {SCHEMA} this devbench reads",
            fix="update devbench, or use the devbench that wrote the store",
        )
    record = validated(Record, document, origin=origin, error_type=DataError)
    if record.run_id != record.plan.run_id:
        raise DataError(
            f"{origin}: run_id is not the hash of the plan",
            fix="the record was changed after it was written: restore it",
        )
    try:
        canonical_json(document["measured"])
    except ValueError as error:  # it is free in form, and 1e999 is infinity
        raise DataError(
            f"{origin}: measured: {str(error)[:200]}", fix="restore the file from where it came"
        ) from error
    return record


def read_record(path: Path) -> Record:
    """Return the record in a file."""
    return parse_record(read_bytes(path), origin=str(path))
