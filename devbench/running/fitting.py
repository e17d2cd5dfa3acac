"""A method's fit in a worker: staged views, declared side information, artifacts found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from devbench.benchmark.seeds import seed_for
from devbench.contract.access import Access
from devbench.contract.method import Method
from devbench.contract.side import SideInformation
from devbench.contract.values import FrequencyResponse
from devbench.errors import ContractError
from devbench.files import read_json
from devbench.running.clips import StagedClips
from devbench.running.finder import Finder
from devbench.running.guard import Allow
from devbench.running.jobs import FitJob

if TYPE_CHECKING:
    import torch

    from devbench.results.record import ArtifactUse

Staged = Callable[[str], StagedClips]


class Stage:
    """The staged clips of a fit job, on the device of bin_hz; shared while anyone uses them.

    frontend: what shows them to a method on spectrograms if the front end is live; set it to the
    one that is being trained.
    """

    def __init__(
        self,
        job: FitJob,
        here: Path,
        bin_hz: torch.Tensor,
        frontend: Callable[[torch.Tensor], torch.Tensor] | None = None,
    ) -> None:
        self.frontend = frontend
        self._job = job
        self._here = here
        self._bin_hz = bin_hz
        self._read: WeakValueDictionary[str, StagedClips] = WeakValueDictionary()

    def clips(self, name: str) -> StagedClips:
        """Return the clips in a folder as the method takes them."""
        model = self._job.model
        is_waveform = model.acts_on == "waveform"
        found = self._read.get(name)
        if found is None:
            found = StagedClips.load(
                self._here / name,
                crop=model.crop_samples if is_waveform else model.crop,
                bin_hz=self._bin_hz,
                n_classes=model.n_classes,
                frontend=self._seen if model.is_live and not is_waveform else None,
            )
            self._read[name] = found
        return found

    def validation(self) -> StagedClips:
        """Return the source validation clips as the classifier takes them."""
        model = self._job.model
        return StagedClips.load(
            self._here / "val", crop=model.crop, bin_hz=self._bin_hz, n_classes=model.n_classes
        )

    def _seen(self, waveform: torch.Tensor) -> torch.Tensor:
        assert self.frontend is not None
        return self.frontend(waveform)


def fit_method(
    job: FitJob, targets: Sequence[str], method: Method, *, here: Path, stage: Stage, allow: Allow
) -> list[ArtifactUse]:
    """Let a method fit on its staged clips and return the artifacts that it used.

    Raises ArtifactMissing where one must be made first, also when the method swallows that.
    """
    finder = Finder(job.artifacts, job.model.method.reference().file, allow)
    name = job.model.method.reference().name
    seed = seed_for(job.model.seed, "fit", name, *sorted(targets))
    side = _side_information(job, targets, here, stage.clips, finder)
    generator = _generator(seed)
    try:
        method.fit(stage.clips("train"), side, generator)
    finally:
        if finder.missing is not None:
            raise finder.missing
    return finder.uses


def _generator(seed: int) -> torch.Generator:
    import torch

    return torch.Generator().manual_seed(seed)


def responses_in(path: Path, devices: Sequence[str]) -> dict[str, FrequencyResponse]:
    """Return the staged frequency responses of devices."""
    import numpy as np

    return {
        name: FrequencyResponse(
            np.array(item["freq_hz"]), np.array(item["gain_db"]), item["provenance"]
        )
        for name, item in read_json(path).items()
        if name in devices
    }


def _side_information(
    job: FitJob, targets: Sequence[str], here: Path, staged: Staged, finder: Finder
) -> SideInformation:
    needs = frozenset(Access(need) for need in job.model.needs)
    devices = [job.source, *targets]

    def views(kind: str, access: Access) -> dict[str, StagedClips]:
        return {d: staged(f"{kind}/{d}") for d in devices} if access in needs else {}

    has_responses = Access.DEVICE_FR in needs
    return SideInformation(
        method=job.model.method.reference().name,
        needs=needs,
        source=job.source,
        targets=tuple(targets),
        devices=tuple(job.devices),
        budget=job.budget_name,
        precision=job.precision,
        features=job.model.features.spec(),
        _responses=responses_in(here / "responses.json", devices) if has_responses else {},
        _unpaired=views("unpaired", Access.UNPAIRED_TARGET),
        _labelled=views("labelled", Access.TARGET_LABELS),
        _artifact=finder,
    )


def converts(method: Method) -> bool:
    """Return whether a method turns clips of one device into those of another."""
    return type(method).convert is not Method.convert


def require_converts(method: Method, name: str) -> None:
    """Refuse a method that converts no clips."""
    if not converts(method):
        raise ContractError(
            f"method {name!r} converts no clips: it has no hook convert",
            fix="choose a converter, such as fr-shift-real or umc-real (devbench ls methods)",
        )
