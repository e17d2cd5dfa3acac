"""What is handed to worker processes: one strict model per task."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from devbench.benchmark.model import Budget, Features
from devbench.contract.scales import LIVE, Scale
from devbench.registry import PluginRef
from devbench.results.artifact import CorpusIdentity, FrontendIdentity


class Job(BaseModel):
    """A frozen job that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Part(Job):
    """A plugin to load and the options to build it with."""

    ref: dict[str, Any]
    options: dict[str, bool | int | float | str] = {}

    def reference(self) -> PluginRef:
        """Return where the plugin comes from."""
        return PluginRef(**self.ref)


class ClipFile(Job):
    """A sound file with what its manifest row says of it."""

    path: str
    sha256: str
    n_samples: int


class FeaturesJob(Job):
    """Compute features of the files of each device."""

    frontend: Part
    features: Features
    files: dict[str, list[ClipFile]]
    threads: int


class ModelJob(Job):
    """What is needed to build the classifier again, in fit and in predict."""

    method: Part
    backbone: Part
    frontend: Part
    features: Features
    needs: list[str]
    acts_on: Literal["waveform", "spectrogram"]
    scale: Scale = "db"
    n_classes: int
    n_bins: int
    crop_frames: int
    mean_db: float
    std_db: float
    seed: int
    threads: int
    device: Literal["cpu", "cuda"]

    @property
    def is_live(self) -> bool:
        """Return whether the front end is in the classifier, which then takes waveforms."""
        return self.scale in LIVE

    @property
    def crop_samples(self) -> int:
        """Return the length of a crop as a waveform."""
        return self.crop_frames * self.features.hop_samples

    @property
    def crop(self) -> int:
        """Return the length of a crop as the classifier takes it: frames, or samples if live."""
        return self.crop_samples if self.is_live else self.crop_frames

    @property
    def backbone_frames(self) -> int:
        """Return the length of a crop as the backbone gets it."""
        return self.crop_samples if self.scale == "waveform" else self.crop_frames

    def plugins(self) -> list[PluginRef]:
        """Return the plugins that this job loads."""
        return [part.reference() for part in (self.method, self.backbone, self.frontend)]


Asker = Literal["method", "backbone"]


class Information(Job):
    """What artifacts may be made from in this run, by name and hash.

    convert, responses: hash by device; empty where the method did not declare that it reads them.
    """

    needs: list[str]
    acts_on: Literal["waveform", "spectrogram"]
    corpus: CorpusIdentity
    features: Features
    frontend: FrontendIdentity
    frontend_code_sha256: str
    crop_frames: int
    convert: dict[str, str]
    responses: dict[str, str]


class Wish(Job):
    """One artifact that a plugin asks for. build: 'module:function'; file: of a --plugin FILE.

    asker: who asks; a method gets what it declares, a backbone unlabelled clips of the source.
    code_sha256: of the module of build, held against the module that is imported to build it.
    """

    asker: Asker = "method"
    name: str
    config: dict[str, Any]
    build: str
    file: str
    code_sha256: str
    devices: list[str]
    seed: int


class Shelves(Job):
    """Where a method's artifacts are looked for. only: keys of the store to use; None: all."""

    information: Information
    folder: str
    only: list[str] | None = None


class ArtifactJob(Job):
    """Build one artifact; what it may be made from lies beside job.json.

    plugin: who asks; its package may be read. bin_hz: centre of each bin in Hz.
    """

    wish: Wish
    plugin: dict[str, Any]
    needs: list[str]
    acts_on: Literal["waveform", "spectrogram"]
    hop_samples: int
    crop_frames: int
    bin_hz: list[float]
    threads: int
    device: Literal["cpu", "cuda"]
    precision: Literal["fp32", "bf16"]


class FitJob(Job):
    """Fit one classifier, or one per target; the staged clips lie beside job.json.

    devices: all of the benchmark, in its order. pretraining: where the backbone's artifacts are
    looked for; None: it does not pretrain. prepare_only: the methods' fit, no training.
    """

    model: ModelJob
    source: str
    devices: list[str]
    target_sets: list[list[str]]
    artifacts: Shelves
    pretraining: Shelves | None = None
    prepare_only: bool = False
    budget: Budget
    budget_name: str
    selection: Literal["source-val", "last"]
    precision: Literal["fp32", "bf16"]
    output: str


class Group(Job):
    """Clips that are predicted together; rows index the staged clips. model: which classifier."""

    model: int
    rows: list[int]


class PredictJob(Job):
    """Predict groups of unlabelled clips; weights: one file per classifier."""

    model: ModelJob
    weights: list[str]
    weights_sha256: list[str]
    groups: list[Group]


class RelevanceJob(PredictJob):
    """Explain what a classifier decides by; one group per device.

    edges_hz: of the bands. rate_hz: of waveforms. n_parts: parts of a window. n_explained: clips
    of each group whose logits are explained; occlusion takes all. sounds: folder of the clips as
    waveforms, where a band is stopped before a front end that is computed beforehand.
    """

    edges_hz: list[float]
    fill: Literal["clip-mean", "silence", "band-stop"]
    rate_hz: int
    floor_db: float
    bin_hz: list[float]
    n_parts: int
    n_explained: int
    sounds: str | None


class RenderGroup(Job):
    """The staged clips through one simulated device, predicted by one classifier.

    group: place of the target among the run's devices. device_model: arguments of DeviceModel;
    None: the clips as they are. seed: of the noise floor.
    """

    model: int
    group: int
    device_model: dict[str, Any] | None
    seed: int


class ImpairmentJob(Job):
    """Render clips, staged as waveforms, with one impairment per group, and predict them."""

    model: ModelJob
    weights: list[str]
    weights_sha256: list[str]
    renderings: list[RenderGroup]
