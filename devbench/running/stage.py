"""Staging: a scratch folder that holds only what this method's declared access allows."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from devbench.audio.files import read_clip
from devbench.contract.access import Access
from devbench.errors import ContractError
from devbench.files import pretty_json
from devbench.running.clips import save_clips
from devbench.running.folders import stage_folders, staged_options
from devbench.running.identity import information
from devbench.running.jobs import ArtifactJob, Asker, FitJob, ModelJob, Part, Shelves, Wish

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from devbench.contract.values import Clip
    from devbench.running.features import FeatureCache
    from devbench.running.plan import Planned


def stage_fit(
    planned: Planned, features: FeatureCache, scratch: Path, *, artifacts: Path
) -> FitJob:
    """Write the staged clips into scratch and return the job of the fit worker.

    artifacts: the store's folder of them.
    Source train and val clips always; convert clips, labelled clips and responses of all devices
    only where the method declares that it needs them. No test clip is ever staged for fit.
    """
    plan = planned.plan
    needs = {Access(need) for need in plan.method.needs}
    devices = [plan.source, *plan.targets]
    for name in ("train", "val", "unpaired", "labelled"):
        shutil.rmtree(scratch / name, ignore_errors=True)
    (scratch / "out").mkdir(parents=True, exist_ok=True)
    train = planned.clips_of("train", plan.source)
    _stage(planned, features, train, scratch / "train", labelled=True)
    val = planned.clips_of("val", plan.source)
    frames = staged_clips(planned, features, val, as_waveforms=features.is_live)
    save_clips(scratch / "val", frames, _labels(planned, val))
    for device in devices:
        if Access.UNPAIRED_TARGET in needs:
            clips = planned.unlabelled_of(device)
            _stage(planned, features, clips, scratch / "unpaired" / device, labelled=False)
        if Access.TARGET_LABELS in needs:
            clips = planned.clips_of("train", device)
            _stage(planned, features, clips, scratch / "labelled" / device, labelled=True)
    if Access.DEVICE_FR in needs:
        _stage_responses(planned, devices, scratch / "responses.json")
    stage_folders(planned.folders, plan.method.options, scratch)
    return FitJob(
        model=model_job(planned, features),
        source=plan.source,
        devices=planned.benchmark.devices,
        artifacts=_shelves(planned, "method", artifacts),
        pretraining=_shelves(planned, "backbone", artifacts) if planned.pretrains else None,
        target_sets=[[t] for t in plan.targets] if plan.method.per_target else [plan.targets],
        budget=planned.benchmark.budgets[plan.budget],
        budget_name=plan.budget,
        selection=planned.benchmark.selection,
        precision=plan.precision,
        output="out",
    )


def stage_artifact(
    planned: Planned, features: FeatureCache, wish: Wish, scratch: Path
) -> ArtifactJob:
    """Write what an artifact may be made from into scratch and return the job of its worker.

    Unlabelled convert clips and responses of the devices that were asked for, where the method
    declares that it needs them; nothing is labelled, and nothing says which device is the source.
    """
    plan, asker = planned.plan, planned.refs[wish.asker]
    found = information(planned, wish.asker)
    if features.is_live and found.acts_on == "spectrogram":
        raise ContractError(
            f"{asker.kind} {asker.name!r} learns artifact {wish.name!r} from spectrograms, and "
            f"front end {plan.frontend.name!r} is in the classifier",
            fix="choose a front end that is computed beforehand, such as log-mel",
        )
    needs = {Access(need) for need in found.needs}
    shutil.rmtree(scratch / "unpaired", ignore_errors=True)
    (scratch / "out").mkdir(parents=True, exist_ok=True)
    if Access.UNPAIRED_TARGET in needs:
        for device in wish.devices:
            clips = planned.unlabelled_of(device)
            folder = scratch / "unpaired" / device
            as_waveforms = found.acts_on == "waveform"
            save_clips(
                folder, staged_clips(planned, features, clips, as_waveforms=as_waveforms), None
            )
    if Access.DEVICE_FR in needs:
        _stage_responses(planned, wish.devices, scratch / "responses.json")
    return ArtifactJob(
        wish=wish,
        plugin=asker.to_dict(),
        needs=found.needs,
        acts_on=found.acts_on,
        hop_samples=planned.benchmark.features.hop_samples,
        crop_frames=planned.benchmark.budgets[plan.budget].crop_frames,
        bin_hz=list(features.bin_hz),
        threads=plan.threads,
        device=plan.device,
        precision=plan.precision,
    )


def model_job(planned: Planned, features: FeatureCache) -> ModelJob:
    """Return what builds the classifier; mean and deviation are those of source training clips."""
    import numpy as np

    plan = planned.plan
    frames = features.clips(planned.clips_of("train", plan.source))
    count = sum(clip.size for clip in frames)
    mean_db = sum(float(clip.sum(dtype=np.float64)) for clip in frames) / count
    square = sum(float(np.square(clip - mean_db, dtype=np.float64).sum()) for clip in frames)
    return ModelJob(
        method=Part(
            ref=planned.refs["method"].to_dict(),
            options=staged_options(plan.method.options, planned.folders),
        ),
        backbone=Part(ref=planned.refs["backbone"].to_dict(), options=plan.backbone.options),
        frontend=Part(ref=planned.refs["frontend"].to_dict(), options=plan.frontend.options),
        features=planned.benchmark.features,
        needs=plan.method.needs,
        acts_on=plan.method.acts_on,
        scale=features.scale,
        n_classes=len(planned.benchmark.classes),
        n_bins=len(features.bin_hz),
        crop_frames=planned.benchmark.budgets[plan.budget].crop_frames,
        mean_db=mean_db,
        std_db=max(1e-3, float((square / count) ** 0.5)),
        seed=plan.seed,
        threads=plan.threads,
        device=plan.device,
    )


def _labels(planned: Planned, clips: Sequence[Clip]) -> list[int]:
    place = {label: index for index, label in enumerate(planned.benchmark.classes)}
    return [place[clip.label] for clip in clips]


def _shelves(planned: Planned, asker: Asker, artifacts: Path) -> Shelves:
    found = information(planned, asker)
    return Shelves(information=found, folder=str(artifacts.absolute()))


def _stage(
    planned: Planned, features: FeatureCache, clips: list[Clip], folder: Path, *, labelled: bool
) -> None:
    """Write clips as the method's `augment`, or a live front end before it, takes them."""
    as_waveforms = features.is_live or planned.plan.method.acts_on == "waveform"
    data = staged_clips(planned, features, clips, as_waveforms=as_waveforms)
    save_clips(folder, data, _labels(planned, clips) if labelled else None)


def staged_clips(
    planned: Planned, features: FeatureCache, clips: list[Clip], *, as_waveforms: bool
) -> list[NDArray[np.float32]]:
    """Return clips as they are staged: samples [sample], or spectrograms [frame, bin]."""
    if not as_waveforms:
        return features.clips(clips)
    return [
        read_clip(
            planned.corpus.folder / clip.path,
            sha256=clip.sha256,
            n_samples=clip.n_samples,
            sample_rate_hz=planned.benchmark.features.sample_rate_hz,
        )
        for clip in clips
    ]


def _stage_responses(planned: Planned, devices: list[str], path: Path) -> None:
    found = {}
    for device in devices:
        response = planned.corpus.response(device)
        assert response is not None  # the plan has looked
        found[device] = {
            "freq_hz": response.freq_hz.tolist(),
            "gain_db": response.gain_db.tolist(),
            "provenance": response.provenance,
        }
    path.write_bytes(pretty_json(found))
