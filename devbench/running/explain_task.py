"""Task 'explain': use a stored classifier, or a converter, and keep statistics of its layers.

Which device a row is of is not told here; what the statistics tell of it is estimated elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from devbench.benchmark.seeds import seed_for
from devbench.contract.batch import Batch
from devbench.contract.method import Method
from devbench.contract.parts import BackboneSpec
from devbench.errors import ContractError
from devbench.files import disk_errors
from devbench.registry import load_spec
from devbench.running import guard
from devbench.running.classifier import Classifier, build_method, set_up_torch
from devbench.running.clips import StagedClips
from devbench.running.explain_jobs import ClassifierLayers, ConverterLayers, ExplainJob
from devbench.running.finder import ArtifactMissing
from devbench.running.fitting import Stage, converts, fit_method, require_converts
from devbench.running.frontend import build_frontend
from devbench.running.layers import (
    EMBEDDING,
    INPUT,
    OUTPUT,
    Hook,
    Recorder,
    backbone_hooks,
    last_weighted,
    networks_of,
    pooled,
    units,
)
from devbench.running.plugin_faults import naming
from devbench.running.stored_models import StoredModels
from devbench.running.worker import Channel

WINDOWS_PER_BATCH = 32


def run(job_data: Any, channel: Channel) -> dict[str, Any]:
    """Write layers/NUMBER-KIND.npy ([row, feature] float32); return the layers and what rows are.

    rows: the staged clip of every row. A missing artifact gives {"missing": ...} instead.
    """
    job = ExplainJob.model_validate(job_data)
    here = Path.cwd()
    recorder = Recorder(job.only)
    if job.classifier is not None:
        found = _classifier(job.classifier, recorder, here, channel)
    else:
        assert job.converter is not None
        found = _converter(job.converter, recorder, here, channel)
    return found if "missing" in found else {**found, "layers": _written(recorder, found, here)}


def _written(recorder: Recorder, found: dict[str, Any], here: Path) -> list[dict[str, Any]]:
    folder = here / "layers"
    folder.mkdir(exist_ok=True)
    layers = []
    for number, (name, kinds) in enumerate(recorder.statistics(len(found["rows"]))):
        files = {}
        for kind, values in kinds.items():
            with disk_errors(folder):
                np.save(folder / f"{number}-{kind}.npy", values.numpy())
            files[kind] = f"layers/{number}-{kind}.npy"
        layers.append({"name": name, "shape": list(recorder.shapes[name]), "files": files})
    return layers


def _classifier(
    job: ClassifierLayers, recorder: Recorder, here: Path, channel: Channel
) -> dict[str, Any]:
    device = set_up_torch(job.model)
    models = StoredModels(job.model, [job.weights], [job.weights_sha256], device)
    guard.install(
        here,
        lambda words: channel.send({"event": "violation", "words": words}),
        plugins=job.model.plugins(),
    )
    with naming(job.model.method.reference(), "prediction", here):
        _, frontend = build_frontend(job.model.frontend, job.model.features.spec())
        bin_hz = frontend.get_buffer("bin_hz").to(device)
        data = torch.from_numpy(np.load(here / "data.npy", allow_pickle=False)).to(device)
        index = torch.from_numpy(np.load(here / "index.npy", allow_pickle=False)).to(device)
        spec: BackboneSpec = load_spec(job.model.backbone.reference())
        rows: list[int] = []
        for number, group in enumerate(job.groups):
            own = torch.tensor(group, device=device)
            clips = StagedClips(data, index[own], crop=job.model.crop, bin_hz=bin_hz)
            used = models.ready(0, clips, number)
            rows += [group[row] for row in _use(used, clips, spec.stages, recorder)]
            channel.send({"event": "progress", "done": (number + 1) / len(job.groups)})
        _, method = build_method(job.model.method)
    return {"rows": rows, "artifacts": [], "converts": converts(method)}


def _use(
    model: nn.Module, clips: StagedClips, stages: Sequence[str], recorder: Recorder
) -> list[int]:
    """Let a model answer the windows of clips; return the clip of every window, in order."""
    classifier = next(m for m in model.modules() if isinstance(m, Classifier))
    backbone = classifier.backbone
    rows, starts = clips.windows(clips.crop)
    with torch.no_grad():
        head = last_weighted(
            backbone, lambda: model(clips.crops(rows[:1], starts[:1], clips.crop).clips)
        )
        handles = [backbone.register_forward_pre_hook(lambda module, x: recorder.note(INPUT, x[0]))]
        if head is not None:
            handles.append(
                head.register_forward_pre_hook(
                    lambda module, x: recorder.note(EMBEDDING, pooled(x[0], module))
                )
            )
        with recorder.watching(backbone_hooks(backbone, stages), backbone=backbone):
            batches = zip(
                torch.split(rows, WINDOWS_PER_BATCH),
                torch.split(starts, WINDOWS_PER_BATCH),
                strict=True,
            )
            for row, start in batches:
                model(clips.crops(row, start, clips.crop).clips)
                recorder.end_batch(len(row))
        for handle in handles:
            handle.remove()
    found: list[int] = rows.tolist()
    return found


def _converter(
    job: ConverterLayers, recorder: Recorder, here: Path, channel: Channel
) -> dict[str, Any]:
    fit = job.fit
    device = set_up_torch(fit.model)
    allow = guard.install(
        here,
        lambda words: channel.send({"event": "violation", "words": words}),
        plugins=fit.model.plugins(),
    )
    uses: list[dict[str, Any]] = []
    rows: list[int] = []
    with naming(fit.model.method.reference(), "fit or convert", here):
        _, frontend = build_frontend(fit.model.frontend, fit.model.features.spec())
        frontend = frontend.to(device)
        stage = Stage(fit, here, frontend.get_buffer("bin_hz"))
        methods: dict[str, Method] = {}
        try:
            for targets in fit.target_sets:
                spec, method = build_method(fit.model.method)
                require_converts(method, spec.name)
                found = fit_method(fit, targets, method, here=here, stage=stage, allow=allow)
                uses += [use.model_dump(mode="json") for use in found]
                methods |= dict.fromkeys(targets, method)
        except ArtifactMissing as missing:
            return missing.result()
        for number, target in enumerate(job.targets):
            rows += _convert(
                job, methods[target], target, recorder=recorder, here=here, frontend=frontend
            )
            channel.send({"event": "progress", "done": (number + 1) / len(job.targets)})
    return {"rows": rows, "artifacts": uses, "converts": True}


def _convert(
    job: ConverterLayers,
    method: Method,
    target: str,
    *,
    recorder: Recorder,
    here: Path,
    frontend: nn.Module,
) -> list[int]:
    """Convert the windows of the source clips to one target; return the clip of every window."""
    model = job.fit.model
    is_waveform = model.acts_on == "waveform"
    crop = model.crop_samples if is_waveform else model.crop_frames
    clips = StagedClips.load(here / job.clips, crop=crop, bin_hz=frontend.get_buffer("bin_hz"))
    rows, starts = clips.windows(crop)
    seed = seed_for(model.seed, "convert", model.method.reference().name, target)
    hooks: list[Hook] = [hook for network in networks_of(method) for hook in units(network)]
    with torch.no_grad(), recorder.watching(hooks):
        batches = zip(
            torch.split(rows, WINDOWS_PER_BATCH),
            torch.split(starts, WINDOWS_PER_BATCH),
            strict=True,
        )
        for row, start in batches:
            batch = clips.crops(row, start, crop)
            generator = torch.Generator().manual_seed(seed)  # as in the task 'convert'
            converted = method.convert(batch, target, generator)
            if not isinstance(converted, Batch) or converted.clips.shape != batch.clips.shape:
                raise ContractError(
                    f"method {model.method.reference().name!r} converted clips to another shape",
                    fix="return dataclasses.replace(batch, ...) with clips of the same shape",
                )
            seen = frontend(converted.clips) if is_waveform else converted.clips
            recorder.note(OUTPUT, seen[..., : model.crop_frames])
            recorder.end_batch(len(row))
    found: list[int] = rows.tolist()
    return found
