"""The convert worker from outside: what is staged for it, and what is taken from it."""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from devbench.errors import RunError
from devbench.results.record import ArtifactUse
from devbench.running.artifacts import run_with_artifacts, shelf_of
from devbench.running.clips import save_clips
from devbench.running.convert_jobs import ConvertJob
from devbench.running.guard import refuse_violation
from devbench.running.stage import stage_fit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from devbench.contract.values import Clip
    from devbench.results.store import Store
    from devbench.running.features import FeatureCache
    from devbench.running.pipeline import Talk
    from devbench.running.plan import Planned

    Frames = NDArray[np.float32]

PREFIX = "convert-"


@dataclass(frozen=True, slots=True)
class ConvertedClips:
    """Converted frames by target, in the order of the clips: [frame, bin] dB each."""

    frames: Mapping[str, list[Frames]]
    artifacts: list[ArtifactUse]


@contextlib.contextmanager
def scratch_folder(store: Store) -> Iterator[Path]:
    """Give a folder in the store that is gone afterwards; what a killed process left goes too."""
    import psutil

    work = store.folder / "work"
    for path in work.glob(f"{PREFIX}*"):
        owner = path.name.split("-")[1]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(path, ignore_errors=True)
    scratch = work / f"{PREFIX}{os.getpid()}-{secrets.token_hex(4)}"
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def stage_clips(
    planned: Planned, features: FeatureCache, clips: Sequence[Clip], folder: Path
) -> None:
    """Write source clips as the method's `augment` takes them, without labels."""
    from devbench.audio.files import read_clip

    if planned.plan.method.acts_on == "spectrogram":
        save_clips(folder, features.clips(list(clips)), None)
        return
    waveforms = [
        read_clip(
            planned.corpus.folder / clip.path,
            sha256=clip.sha256,
            n_samples=clip.n_samples,
            sample_rate_hz=planned.benchmark.features.sample_rate_hz,
        )
        for clip in clips
    ]
    save_clips(folder, waveforms, None)


def convert_clips(
    planned: Planned,
    features: FeatureCache,
    clips: Sequence[Clip],
    targets: Sequence[str],
    *,
    scratch: Path,
    store: Store,
    talk: Talk,
    may_build: bool = True,
) -> ConvertedClips:
    """Return what the method makes of source clips for each target, as the front end sees it.

    may_build: see run_with_artifacts.
    """
    stage_clips(planned, features, clips, scratch / "clips")
    result = run_convert(
        planned,
        features,
        "method",
        targets,
        scratch=scratch,
        store=store,
        talk=talk,
        phase=f"{planned.plan.method.name} from {planned.plan.source}",
        may_build=may_build,
    )
    lengths = [len(clip) for clip in features.clips(list(clips))]
    frames = {
        target: read_frames(scratch / "converted" / target, lengths, len(features.bin_hz))
        for target in targets
    }
    return ConvertedClips(frames, result)


def run_convert(
    planned: Planned,
    features: FeatureCache,
    form: Literal["method", "sound"],
    targets: Sequence[str],
    *,
    scratch: Path,
    store: Store,
    talk: Talk,
    phase: str,
    may_build: bool = True,
) -> list[ArtifactUse]:
    """Fit the method and convert what is staged in scratch/clips; return what it shared."""
    job = ConvertJob(
        fit=stage_fit(planned, features, scratch, artifacts=shelf_of(store).folder),
        clips="clips",
        form=form,
        targets=list(targets),
    )

    def report(message: Mapping[str, Any]) -> None:
        refuse_violation(planned.refs["method"], message)
        if message["event"] == "progress":
            done = min(max(float(message["done"]) / len(targets), 0.0), 1.0)
            talk.progress(round(done * 100), 100)

    outcome = run_with_artifacts(
        "convert",
        lambda built: job.model_dump(mode="json"),
        planned=planned,
        features=features,
        store=store,
        scratch=scratch,
        talk=talk,
        on_report=report,
        phase=f"{phase} (%)",
        may_build=may_build,
    )
    uses = [ArtifactUse.model_validate(use) for use in outcome.result["artifacts"]]
    return [use for number, use in enumerate(uses) if use not in uses[:number]]


def read_frames(folder: Path, lengths: Sequence[int], n_bins: int) -> list[Frames]:
    """Return the frames of every clip in a folder that the worker wrote, memory-mapped.

    Raises RunError where they are not as many as there must be, or no finite numbers.
    """
    import numpy as np

    try:
        data = np.load(folder / "data.npy", mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise RunError(
            f"the converted clips cannot be read: {error}",
            fix="type the command again",
            state="invalid",
        ) from error
    expected = (sum(lengths), n_bins)
    if data.shape != expected or data.dtype != np.float32:
        raise RunError(
            f"converted clips are {data.shape} {data.dtype}, expected {expected} float32",
            fix="mend the plugin: as many frames as it was given",
            state="invalid",
        )
    ends = np.cumsum([0, *lengths])
    found = [data[start:stop] for start, stop in itertools.pairwise(ends)]
    if not all(bool(np.isfinite(clip).all()) for clip in found):
        raise RunError("converted clips hold NaN or infinity", fix="mend the plugin", state="nan")
    return found
