"""The benchmark file: corpus, classes, features, splits, budgets, seeds, selection; closed, hashed.

Everything a result depends on, beside the method, stands here. The command line chooses a
benchmark, a source, a budget, a seed; it cannot change any of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from devbench.contract.names import NAME_PATTERN
from devbench.contract.values import FeatureSpec
from devbench.errors import ConfigurationError
from devbench.files import canonical_json, sha256_bytes

Slug = Annotated[str, Field(pattern=f"^{NAME_PATTERN}$", max_length=64)]
Split = Literal["convert", "train", "val", "test"]
SPLITS: tuple[Split, ...] = ("convert", "train", "val", "test")


class Closed(BaseModel):
    """A frozen model that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Features(Closed):
    """The [features] table; see FeatureSpec for units."""

    frontend: Slug = "log-mel"
    sample_rate_hz: int = Field(22050, gt=0, le=192_000)
    n_fft: int = Field(1024, ge=64, le=65536)
    hop_samples: int = Field(256, ge=1, le=65536)
    n_mels: int = Field(80, ge=8, le=512)
    window: Literal["hann"] = "hann"
    pad_mode: Literal["reflect", "constant"] = "reflect"
    fmin_hz: float = Field(0.0, ge=0)
    fmax_hz: float = Field(11025.0, gt=0)
    floor_db: float = Field(-100.0, lt=0)

    @model_validator(mode="after")
    def _fits(self) -> Features:
        try:
            self.spec()
        except ConfigurationError as error:
            raise ValueError(f"{error.what}; {error.fix}") from error
        return self

    def spec(self) -> FeatureSpec:
        """Return the settings as the contract's value."""
        return FeatureSpec(**self.model_dump())


class Splits(Closed):
    """How events fall into convert, train, val and test; the same for all devices.

    scheme 'hash': groups of a class are ordered by a salted hash and cut at the fractions.
    scheme 'folds': the corpus's folds are dealt out in order, rotated by --fold; `val` is then a
    fraction of the groups of each class of the train folds.
    scheme 'official': the corpus's own two sides, fold 1 to learn from and fold 2 to test on;
    groups of fold 1 are cut at the fractions convert, train and val, which then make 1.

    convert_order: of a device's unlabelled clips, as methods get them. 'events' is that of their
    events: the n-th clip of two devices is of one event, and where classes begin the names of
    events, clips of a class stand together. 'shuffled' tells neither.
    """

    scheme: Literal["hash", "folds", "official"]
    salt: str = Field("devbench-1", max_length=60)
    convert: float = Field(0.3, gt=0, lt=1)
    train: float = Field(0.4, gt=0, lt=1)
    val: float = Field(0.1, gt=0, lt=1)
    test: float = Field(0.2, gt=0, lt=1)
    n_folds: int = Field(0, ge=0, le=100)
    convert_folds: int = Field(0, ge=0)
    train_folds: int = Field(0, ge=0)
    test_folds: int = Field(0, ge=0)
    convert_order: Literal["events", "shuffled"] = "events"

    @model_validator(mode="after")
    def _adds_up(self) -> Splits:
        if self.scheme == "hash":
            total = self.convert + self.train + self.val + self.test
            if abs(total - 1) > 1e-9:
                raise ValueError(f"convert + train + val + test is {total:g}; make it 1")
        elif self.scheme == "official":
            total = self.convert + self.train + self.val
            if abs(total - 1) > 1e-9:
                raise ValueError(f"convert + train + val is {total:g} of fold 1; make it 1")
        elif (
            min(self.convert_folds, self.train_folds, self.test_folds) < 1
            or self.convert_folds + self.train_folds + self.test_folds != self.n_folds
        ):
            raise ValueError("convert_folds + train_folds + test_folds must be n_folds, each >= 1")
        return self


class Budget(Closed):
    """How long and with what a classifier is trained.

    schedule 'cosine': to 0 over all steps after a linear warm-up of warmup_epochs;
    'step': learning rate divided by 10 every step_epochs (the papers' schedule).
    crop_frames: random crops of that length in training, fixed windows of it in test.
    validate_epochs: source validation, and with it selection, every so many epochs and at the end.
    """

    backbone: Slug
    epochs: int = Field(ge=1, le=10_000)
    batch: int = Field(ge=2, le=100_000)
    learning_rate: float = Field(gt=0, le=10)
    weight_decay: float = Field(0.01, ge=0, le=10)
    schedule: Literal["cosine", "step"] = "cosine"
    warmup_epochs: int = Field(0, ge=0)
    step_epochs: int = Field(25, ge=1)
    crop_frames: int = Field(80, ge=8, le=10_000)
    precision: Literal["auto", "fp32"] = "auto"
    validate_epochs: int = Field(1, ge=1)
    checkpoint_epochs: int = Field(5, ge=1)


class Limits(Closed):
    """What one phase of a run may use before it is ended."""

    wall_s: float = Field(3600, gt=0)
    memory_mb: int = Field(16_000, gt=0)
    scratch_mb: int = Field(20_000, gt=0)


class Seeds(Closed):
    """How many seeds (0, 1, 2, ...) a row needs to be ranked; fewer are shown as preliminary."""

    ranked: int = Field(5, ge=1, le=1000)


class Benchmark(Closed):
    """One benchmark file.

    unseen: devices that are tested only: no source, and nothing of them is ever learned from.
    """

    schema_version: Literal[1] = Field(alias="schema", serialization_alias="schema")
    id: Slug
    version: int = Field(ge=1)
    title: str = Field(max_length=200)
    corpus: Slug
    classes: list[Slug] = Field(min_length=2, max_length=10_000)
    devices: list[Slug] = Field(min_length=2, max_length=1000)
    unseen: list[Slug] = Field([], max_length=1000)
    metric: Literal["macro_f1@1"] = "macro_f1@1"
    selection: Literal["source-val", "last"] = "source-val"
    features: Features = Features()
    splits: Splits
    budgets: dict[Slug, Budget] = Field(min_length=1)
    limits: Limits = Limits()
    seeds: Seeds = Seeds()

    @model_validator(mode="after")
    def _names_once(self) -> Benchmark:
        for key in ("classes", "devices", "unseen"):
            names = getattr(self, key)
            if len(set(names)) != len(names):
                raise ValueError(f"{key} names something twice")
        if not set(self.unseen) < set(self.devices):
            raise ValueError("unseen must name some of the devices, and leave one as a source")
        return self

    @property
    def sources(self) -> list[str]:
        """Return the devices that may be the source, in their order."""
        return [device for device in self.devices if device not in self.unseen]

    @property
    def sha256(self) -> str:
        """Return the hash of everything in the file that a result depends on."""
        document = self.model_dump(mode="json", by_alias=True)
        if not self.unseen:  # younger than the first records, whose hashes must stay
            del document["unseen"]
        if self.splits.convert_order == "events":  # this too
            del document["splits"]["convert_order"]
        return sha256_bytes(canonical_json(document))


def folder_of_benchmarks() -> Path:
    """Return the folder of the benchmarks that come with devbench."""
    import importlib.util

    spec = importlib.util.find_spec("devbench_benchmarks")
    assert spec is not None and spec.submodule_search_locations
    return Path(next(iter(spec.submodule_search_locations)))
