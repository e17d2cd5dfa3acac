"""The classifier: a live front end, standardisation, the backbone and what is put into it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import nn

from devbench.benchmark.seeds import seed_for
from devbench.contract.method import Method, MethodSpec
from devbench.contract.options import arguments, options_of
from devbench.contract.parts import BackboneSpec
from devbench.errors import ContractError
from devbench.registry import load_spec
from devbench.running.clips import StagedClips
from devbench.running.frontend import LiveFrontend
from devbench.running.jobs import ModelJob, Part

EVALUATION_WINDOWS = 64


class Classifier(nn.Module):
    """Map spectrograms [batch, 1, bin, frame] to logits [batch, class].

    The input is standardised by one mean and one deviation of the source's training clips: a
    scalar each, so that no device difference is normalised away in passing.
    frontend: where there is one, waveforms [batch, sample] are taken, too.
    """

    mean_db: torch.Tensor
    std_db: torch.Tensor

    def __init__(
        self,
        backbone: nn.Module,
        mean_db: float,
        std_db: float,
        frontend: LiveFrontend | None = None,
    ) -> None:
        super().__init__()
        self.frontend = frontend
        self.register_buffer("mean_db", torch.tensor(mean_db))
        self.register_buffer("std_db", torch.tensor(std_db))
        self.backbone = backbone

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """Return logits [batch, class]."""
        if self.frontend is not None and clips.ndim == 2:
            clips = self.frontend(clips)
        x = (clips - self.mean_db) / self.std_db
        logits: torch.Tensor = self.backbone(x.contiguous(memory_format=torch.channels_last))
        return logits

    def load_state_dict(self, state_dict: Mapping[str, Any], *args: Any, **options: Any) -> Any:
        """Load tensors from any device; a layer that takes them over gets them on its own."""
        here = {name: tensor.to(self.mean_db.device) for name, tensor in state_dict.items()}
        return super().load_state_dict(here, *args, **options)


class Computing(Protocol):
    """A job that says what to compute on."""

    @property
    def threads(self) -> int:
        """Return the number of CPU threads."""
        ...

    @property
    def device(self) -> str:
        """Return cpu or cuda."""
        ...


def set_up_torch(job: Computing) -> torch.device:
    """Fix threads and algorithms so that one seed gives one result; return the device."""
    torch.set_num_threads(job.threads)
    torch.use_deterministic_algorithms(True, warn_only=job.device == "cuda")
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    return torch.device(job.device)


def build_method(part: Part) -> tuple[MethodSpec, Method]:
    """Return the spec and a new instance of the method of a job."""
    spec = load_spec(part.reference())
    return spec, spec.build(**arguments(options_of(spec.build), part.options))


def build_classifier(
    job: ModelJob, method: Method, start: Mapping[str, torch.Tensor] | None = None
) -> Classifier:
    """Return a classifier before its training: its weights depend on the seed and on start alone.

    start: tensors that the backbone learned beforehand, by name. Raises ContractError when the
    backbone or the method's layers do not fit the contract.
    """
    spec: BackboneSpec = load_spec(job.backbone.reference())
    torch.manual_seed(seed_for(job.seed, "initialise", spec.name))
    backbone = spec.build(n_classes=job.n_classes, n_bins=job.n_bins, **job.backbone.options)
    if not isinstance(backbone, nn.Module):
        raise ContractError(
            f"backbone {spec.name!r} built {type(backbone).__name__}, no torch.nn.Module",
            fix="return a module from build",
        )
    _start_from(backbone, start or {}, spec.name)
    shapes = _stage_shapes(spec, backbone, job)
    torch.manual_seed(seed_for(job.seed, "initialise-layers", spec.name))
    _insert(backbone, method.layers(shapes), shapes, method)
    frontend = LiveFrontend.of(job) if job.is_live else None
    classifier = Classifier(backbone, job.mean_db, job.std_db, frontend)
    _require_logits(classifier, job, spec.name)
    # channels-last is what convolutions on CPUs with bf16 tiles and on GPUs are fastest in
    return classifier.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _start_from(backbone: nn.Module, tensors: Mapping[str, torch.Tensor], name: str) -> None:
    """Copy tensors into the parameters and buffers of the same names."""
    state = backbone.state_dict()
    for key, tensor in tensors.items():
        if key not in state or state[key].shape != tensor.shape:
            found = tuple(state[key].shape) if key in state else "no such tensor"
            raise ContractError(
                f"backbone {name!r} was pretrained with {key!r} of shape {tuple(tensor.shape)}; "
                f"the network has {found}",
                fix="return tensors by the names of the module's state_dict",
            )
    backbone.load_state_dict(tensors, strict=False)


def _stage_shapes(
    spec: BackboneSpec, backbone: nn.Module, job: ModelJob
) -> dict[str, tuple[int, int, int]]:
    shapes: dict[str, tuple[int, int, int]] = {}

    def note(name: str) -> Any:
        def hook(module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
            shapes[name] = (output.shape[1], output.shape[2], output.shape[3])

        return hook

    handles = [
        backbone.get_submodule(name).register_forward_hook(note(name)) for name in spec.stages
    ]
    backbone.eval()
    with torch.no_grad():
        backbone(torch.zeros(1, 1, job.n_bins, job.backbone_frames))
    backbone.train()
    for handle in handles:
        handle.remove()
    return shapes


def _insert(
    backbone: nn.Module,
    layers: Mapping[str, nn.Module],
    stages: Mapping[str, Any],
    method: Method,
) -> None:
    for name, layer in layers.items():
        if name not in stages:
            raise ContractError(
                f"{type(method).__name__}.layers names stage {name!r}",
                fix=f"this backbone has {', '.join(stages) or 'no stages'}",
            )
        parent = backbone.get_submodule(name.rpartition(".")[0])
        setattr(parent, name.rpartition(".")[2], nn.Sequential(backbone.get_submodule(name), layer))


def _require_logits(classifier: Classifier, job: ModelJob, backbone: str) -> None:
    classifier.eval()
    with torch.no_grad():
        spectrograms = torch.zeros(2, 1, job.n_bins, job.backbone_frames)
        logits = classifier(torch.zeros(2, job.crop) if job.is_live else spectrograms)
    classifier.train()
    if logits.shape != (2, job.n_classes):
        raise ContractError(
            f"backbone {backbone!r} returned logits {tuple(logits.shape)} for 2 clips",
            fix=f"return [batch, class] = (2, {job.n_classes})",
        )


def clip_logits(model: nn.Module, clips: StagedClips, crop: int) -> torch.Tensor:
    """Return the logits of every clip [clip, class], the mean over its fixed windows, in float32.

    crop: length of a window in frames, or in samples. The model is used in the mode it is in.
    """
    rows, starts = clips.windows(crop)
    parts = []
    batches = (torch.split(part, EVALUATION_WINDOWS) for part in (rows, starts))
    with torch.no_grad():
        for row, start in zip(*batches, strict=True):
            parts.append(model(clips.crops(row, start, crop).clips).float())
    logits = torch.cat(parts)  # [window, class]
    if logits.ndim != 2 or len(logits) != len(rows):
        raise ContractError(
            f"the model returned {tuple(logits.shape)} for {len(rows)} windows",
            fix="return [batch, class]",
        )
    counts = torch.bincount(rows, minlength=len(clips)).unsqueeze(1)  # [clip, 1]
    total = torch.zeros(len(clips), logits.shape[1], device=logits.device)
    total.index_add_(0, rows, logits)  # in the order of the windows: equal at every thread count
    return total / counts
