"""Features are computed once per corpus and settings, memory-mapped, and shared by all runs.

Those of a front end that is trained with the classifier are what it gives before training: nothing
but the mean and the deviation that standardise its output comes from them.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devbench.contract.scales import LIVE, Scale
from devbench.files import (
    canonical_json,
    disk_errors,
    pretty_json,
    publish,
    read_json,
    sha256_bytes,
    sync_folder,
)
from devbench.running.jobs import ClipFile, FeaturesJob, Part
from devbench.running.process import run_worker

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from devbench.contract.values import Clip
    from devbench.running.plan import Planned


@dataclass(frozen=True, slots=True)
class FeatureCache:
    """Spectrograms of all clips of a benchmark. bin_hz: centre of each bin in Hz.

    scale: of the front end.
    """

    folder: Path
    bin_hz: tuple[float, ...]
    scale: Scale

    @property
    def is_live(self) -> bool:
        """Return whether the front end is in the classifier, which then takes waveforms."""
        return self.scale in LIVE

    def clips(self, clips: list[Clip]) -> list[NDArray[np.float32]]:
        """Return the spectrogram of each clip: [frame, bin], memory-mapped."""
        import numpy as np

        found: list[NDArray[np.float32]] = []
        open_devices: dict[str, tuple[Any, Any, dict[str, int]]] = {}
        for clip in clips:
            if clip.device not in open_devices:
                folder = self.folder / clip.device
                open_devices[clip.device] = (
                    np.load(folder / "data.npy", mmap_mode="r", allow_pickle=False),
                    np.load(folder / "index.npy", allow_pickle=False),
                    {event: row for row, event in enumerate(read_json(folder / "events.json"))},
                )
            data, index, rows = open_devices[clip.device]
            start, length = index[rows[clip.event_id]]
            found.append(data[start : start + length])
        return found


def ensure_features(
    planned: Planned, *, store: Path, on_progress: Callable[[int, int], None]
) -> FeatureCache:
    """Return the features of every clip the plan may use, computing those that are missing."""
    plan, benchmark = planned.plan, planned.benchmark
    identity = {
        "fingerprint": planned.corpus.fingerprint,
        "features": benchmark.features.model_dump(mode="json"),
        "frontend": plan.frontend.model_dump(mode="json"),
        "devices": benchmark.devices,
        "classes": benchmark.classes,
        "versions": plan.versions,
        "threads": plan.threads,
    }
    folder = store / "cache" / "features" / sha256_bytes(canonical_json(identity))[:32]
    if not (folder / "features.json").exists():
        _compute(planned, folder, on_progress)
    found = read_json(folder / "features.json")
    return FeatureCache(folder, tuple(found["bin_hz"]), found.get("scale", "db"))


def sound_places(root: Path, clips: Iterable[Clip]) -> list[Path]:
    """Return the folders at the top of a corpus that hold its sound files, not its manifest."""
    return [root / name for name in sorted({Path(clip.path).parts[0] for clip in clips})]


def _compute(planned: Planned, folder: Path, on_progress: Callable[[int, int], None]) -> None:
    from filelock import FileLock

    folder.parent.mkdir(parents=True, exist_ok=True)
    total = len(planned.clips)
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        if (folder / "features.json").exists():
            return

        def report(message: Mapping[str, Any]) -> None:
            on_progress(int(message["done"]), total)

        files = {
            device: [clip for clip in planned.clips if clip.device == device]
            for device in planned.benchmark.devices
        }
        root = planned.corpus.folder
        job = FeaturesJob(
            frontend=Part(
                ref=planned.refs["frontend"].to_dict(), options=planned.plan.frontend.options
            ),
            features=planned.benchmark.features,
            files={
                device: [
                    ClipFile(
                        path=str(root / clip.path), sha256=clip.sha256, n_samples=clip.n_samples
                    )
                    for clip in clips
                ]
                for device, clips in files.items()
            },
            threads=planned.plan.threads,
        )
        scratch = folder.with_name(f".{folder.name}.making")
        shutil.rmtree(scratch, ignore_errors=True)
        outcome = run_worker(
            "features",
            job.model_dump(mode="json"),
            scratch=scratch,
            limits=planned.limits,
            threads=planned.plan.threads,
            on_report=report,
            sandbox=planned.sandbox(*sound_places(root, planned.clips)),
        )
        made = scratch / "features"
        for device, clips in files.items():
            events = [clip.event_id for clip in clips]
            publish(made / device / "events.json", pretty_json(events))
        found = {key: outcome.result[key] for key in ("bin_hz", "scale")}
        publish(made / "features.json", pretty_json(found))
        with disk_errors(folder):
            for path in made.rglob("*.npy"):  # once they have their name, no one looks again
                with path.open("rb") as file:
                    os.fsync(file.fileno())
            made.rename(folder)
            sync_folder(folder.parent)
        shutil.rmtree(scratch, ignore_errors=True)
        on_progress(total, total)
