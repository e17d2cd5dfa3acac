"""Task 'fit': the method's fit, then training; weights leave as safetensors.

This process sees staged source clips and the side information that the method declared. Its
reports carry source numbers only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from devbench.benchmark.seeds import seed_for
from devbench.contract.access import Access
from devbench.contract.batch import Batch
from devbench.contract.side import SideInformation
from devbench.contract.values import FrequencyResponse
from devbench.errors import DevbenchError, PluginError, RunError
from devbench.files import publish, read_json, sha256_bytes
from devbench.registry import load_spec
from devbench.running import guard
from devbench.running.checkpoints import tensors_to_bytes
from devbench.running.classifier import build_classifier, build_method, set_up_torch
from devbench.running.clips import StagedClips
from devbench.running.jobs import FitJob
from devbench.running.training import Recipe, train
from devbench.running.worker import Channel


def run(job_data: Any, channel: Channel) -> dict[str, Any]:
    """Train one classifier per set of targets and return what the record says of each."""
    job = FitJob.model_validate(job_data)
    torch_device = set_up_torch(job.model)
    here = Path.cwd()
    guard.install(
        here,
        lambda words: channel.send({"event": "violation", "words": words}),
        plugins=job.model.plugins(),
    )
    try:
        models = [
            _fit_one(job, index, here=here, device=torch_device, channel=channel)
            for index in range(len(job.target_sets))
        ]
    except DevbenchError:
        raise
    except torch.OutOfMemoryError as error:
        raise RunError(
            f"out of GPU memory: {str(error)[:200]}", fix="use a smaller budget", state="memory"
        ) from error
    except MemoryError:
        raise
    except Exception as error:
        import traceback

        place = traceback.extract_tb(error.__traceback__)[-1]
        name = job.model.method.reference()
        raise PluginError(
            f"method {name.name!r} ({name.origin}) failed in fit or training: "
            f"{type(error).__name__}: {str(error)[:200]} ({Path(place.filename).name}:"
            f"{place.lineno})",
            fix=f"mend the plugin; the whole traceback: {here / 'log.txt'}",
        ) from error
    return {"models": models}


def _fit_one(
    job: FitJob, index: int, *, here: Path, device: torch.device, channel: Channel
) -> dict[str, Any]:
    targets = job.target_sets[index]
    spec, method = build_method(job.model.method)
    frontend = load_spec(job.model.frontend.reference()).build(job.model.features.spec()).to(device)
    crop_frames = job.budget.crop_frames
    bin_hz = frontend.bin_hz.to(device)
    is_waveform = job.model.acts_on == "waveform"
    crop = crop_frames * job.model.features.hop_samples if is_waveform else crop_frames

    def staged(name: str, *, length: int = crop) -> StagedClips:
        return StagedClips.load(
            here / name, crop=length, bin_hz=bin_hz, n_classes=job.model.n_classes
        )

    data = staged("train")
    side = _side_information(job, targets, here, staged)
    generator = torch.Generator().manual_seed(
        seed_for(job.model.seed, "fit", spec.name, *sorted(targets))
    )
    method.fit(data, side, generator)
    model = build_classifier(job.model, method).to(device)
    recipe = Recipe(
        budget=job.budget,
        selection=job.selection,
        seed=job.model.seed,
        precision=job.precision,
        method_name=spec.name,
        device=device,
    )

    def to_spectrogram(batch: Batch) -> Batch:
        if not is_waveform:
            return batch
        with torch.no_grad():
            frames: torch.Tensor = frontend(batch.waveform)[..., :crop_frames]
        return Batch(target=batch.target, bin_hz=batch.bin_hz, spectrogram_db=frames)

    trained = train(
        model,
        method,
        data,
        staged("val", length=crop_frames),
        recipe,
        to_spectrogram=to_spectrogram,
        checkpoints=Path(job.output) / f"checkpoints-{index}",
        report=lambda entry: channel.send({"event": "epoch", "model": index, **entry}),
    )
    weights = tensors_to_bytes(trained.weights)
    publish(Path(job.output) / f"weights-{index}.safetensors", weights, replace=True)
    return {
        "target": targets[0] if spec.per_target else None,
        "weights_sha256": sha256_bytes(weights),
        "n_parameters": sum(p.numel() for p in model.parameters()),
        "selected_epoch": trained.selected_epoch,
        "history": trained.history,
    }


def _side_information(
    job: FitJob, targets: Sequence[str], here: Path, staged: Callable[[str], StagedClips]
) -> SideInformation:
    import numpy as np

    needs = frozenset(Access(need) for need in job.model.needs)
    devices = [job.source, *targets]
    responses: dict[str, FrequencyResponse] = {}
    if Access.DEVICE_FR in needs:
        for name, item in read_json(here / "responses.json").items():
            if name in devices:
                responses[name] = FrequencyResponse(
                    np.array(item["freq_hz"]), np.array(item["gain_db"]), item["provenance"]
                )

    def views(kind: str, access: Access) -> dict[str, StagedClips]:
        return {d: staged(f"{kind}/{d}") for d in devices} if access in needs else {}

    return SideInformation(
        method=job.model.method.reference().name,
        needs=needs,
        source=job.source,
        targets=tuple(targets),
        _responses=responses,
        _unpaired=views("unpaired", Access.UNPAIRED_TARGET),
        _labelled=views("labelled", Access.TARGET_LABELS),
    )
