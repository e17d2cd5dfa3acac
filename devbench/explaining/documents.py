"""What `devbench explain` keeps: strict documents in `<store>/diagnosis/`, one file per question.

Nothing in them depends on when or where they were made: the same question asked again on the same
machine gives the same bytes.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from devbench.explaining.shelf import diagnosis_path
from devbench.files import pretty_json, publish
from devbench.results.record import (
    BenchmarkPlan,
    CorpusPlan,
    Fraction,
    PartPlan,
    Sha256,
    Strict,
)

Kind = Literal["channel", "frequency", "time"]
KINDS: tuple[Kind, ...] = ("channel", "frequency", "time")
Nats = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]


class Protocol(Strict):
    """How the auxiliary classifier is trained; the same for all layers.

    Two hidden layers of ReLU with dropout, AdamW, standardised statistics. train, stop: shares of
    the source events that it is trained on, and that say when to stop; the rest is measured.
    """

    hidden: Count = 256
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.3
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    weight_decay: Annotated[float, Field(ge=0)] = 1e-2
    batch: Count = 128
    max_epochs: Count = 200
    patience: Count = 15
    train: Annotated[float, Field(gt=0, lt=1)] = 0.5
    stop: Annotated[float, Field(gt=0, lt=1)] = 0.25
    seeds: Annotated[list[int], Field(min_length=1, default_factory=lambda: [0, 1, 2])]


class SeedEstimate(Strict):
    """One seed: its draw of the three parts of the events, and of the classifier's weights.

    nats: H(y) minus the cross-entropy on measured events, not below 0. epochs: after how many the
    kept weights were there; 0: none were better than knowing nothing.
    """

    seed: int
    nats: Nats
    accuracy: Fraction
    epochs: Annotated[int, Field(ge=0)]


class Estimate(Strict):
    """Means over seeds, and standard deviations (n - 1; 0 for one seed)."""

    nats: Nats
    nats_sd: Nats
    accuracy: Fraction
    accuracy_sd: Annotated[float, Field(ge=0)]
    seeds: Annotated[list[SeedEstimate], Field(min_length=1)]

    @classmethod
    def of(cls, seeds: Sequence[SeedEstimate]) -> Self:
        """Return the summary of what single seeds gave."""
        nats, accuracy = [s.nats for s in seeds], [s.accuracy for s in seeds]
        return cls(
            nats=_mean(nats),
            nats_sd=_sd(nats),
            accuracy=_mean(accuracy),
            accuracy_sd=_sd(accuracy),
            seeds=list(seeds),
        )

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if not math.isclose(self.nats, _mean(s.nats for s in self.seeds), abs_tol=1e-9):
            raise ValueError("nats is not the mean over the seeds")
        return self


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return math.fsum(found) / len(found)


def _sd(values: Sequence[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else 0.0


class Measured(Strict):
    """Statistics of one kind, [n_features] per clip, and what they tell of the device."""

    kind: Kind
    n_features: Count
    estimate: Estimate


class Layer(Strict):
    """One layer. shape: channels, bins and frames of what leaves it, for one window."""

    name: str
    shape: Annotated[list[Count], Field(min_length=3, max_length=3)]
    measured: Annotated[list[Measured], Field(min_length=1)]

    def of(self, kind: Kind) -> Measured | None:
        """Return the statistics of a kind; None where the layer has no such axis."""
        return next((item for item in self.measured if item.kind == kind), None)


class Clips(Strict):
    """What was measured on: events of a split that every device recorded.

    devices: the values of the label, in order. n_groups: source recordings, which the three parts
    are made of. n_windows: pieces of crop_frames frames, over all devices.
    """

    split: Literal["test"]
    devices: Annotated[list[str], Field(min_length=2)]
    n_events: Count
    n_groups: Count
    n_windows: Count
    crop_frames: Count
    entropy_nats: Nats

    @property
    def chance(self) -> float:
        """Return the accuracy of guessing."""
        return 1 / len(self.devices)


class Network(Strict):
    """Whose layers these are.

    key: the folder's name: run_id of a classifier, key of a converter's artifact (or the hash of
    the keys, where it has several). target: of a run with a classifier per target, whose it is.
    artifacts: keys of what a converter was built from.
    """

    form: Literal["classifier", "converter"]
    key: Sha256
    method: PartPlan
    backbone: PartPlan | None
    frontend: PartPlan
    benchmark: BenchmarkPlan
    corpus: CorpusPlan
    source: str
    target: str | None
    fold: int
    budget: str
    seed: int
    weights_sha256: list[Sha256]
    artifacts: list[Sha256]
    device: Literal["cpu", "cuda"]
    threads: int
    versions: dict[str, str]

    @property
    def title(self) -> str:
        """Return what a table or a picture calls it."""
        of = f" for {self.target}" if self.target else ""
        if self.form == "converter":
            return f"converter {self.method.name} from {self.source}"
        backbone = f", {self.backbone.name}" if self.backbone else ""
        return f"classifier {self.method.name}{of} from {self.source}{backbone}, seed {self.seed}"


class Information(Strict):
    """How much the statistics of each layer tell of the device, at least."""

    schema_version: Literal[1] = Field(alias="schema", serialization_alias="schema", default=1)
    kind: Literal["information"] = "information"
    network: Network
    clips: Clips
    protocol: Protocol
    layers: Annotated[list[Layer], Field(min_length=1)]

    def to_json(self) -> bytes:
        """Return the document as it lies on disk."""
        return pretty_json(self.model_dump(mode="json", by_alias=True))


class Seen(Strict):
    """Whose statistics the device was told from. clips.devices: what was told apart."""

    what: Literal["recordings", "converted", "embedding"]
    n_features: Count
    clips: Clips
    estimate: Estimate


class Identity(Strict):
    """How well the device can be told before, between and behind the network, beside its F1.

    notes: what is missing, and why. source_f1: None for a run with a classifier per target.
    """

    schema_version: Literal[1] = Field(alias="schema", serialization_alias="schema", default=1)
    kind: Literal["identity"] = "identity"
    network: Network
    protocol: Protocol
    mean_targets_f1: Fraction
    source_f1: Fraction | None
    seen: Annotated[list[Seen], Field(min_length=1)]
    notes: list[str]

    def to_json(self) -> bytes:
        """Return the document as it lies on disk."""
        return pretty_json(self.model_dump(mode="json", by_alias=True))

    def of(self, what: Literal["recordings", "converted", "embedding"]) -> Seen | None:
        """Return one of the three; None where it is missing."""
        return next((item for item in self.seen if item.what == what), None)


def keep(document: Information | Identity, store: Path) -> Path:
    """Write a document into the store, whole or not at all, and return where it lies."""
    path = place(document.network, document.kind, store)
    publish(path, document.to_json(), replace=True)
    return path


def place(network: Network, kind: str, store: Path) -> Path:
    """Return where a document lies; a converter serves several sources, so each has its file."""
    of = f"-{network.source}" if network.form == "converter" else ""
    of += f"-{network.target}" if network.target else ""
    return diagnosis_path(store, network.key, f"{kind}{of}.json")
