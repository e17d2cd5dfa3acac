"""Classifiers of a finished run, built again in a worker and ready to be asked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from devbench.benchmark.seeds import seed_for
from devbench.contract.access import Access
from devbench.running.checkpoints import tensors_from_file
from devbench.running.classifier import Classifier, build_classifier, build_method

if TYPE_CHECKING:
    from devbench.contract.method import Method
    from devbench.running.clips import StagedClips
    from devbench.running.jobs import ModelJob


class StoredModels:
    """The classifiers of one run. Weights are read when this is made, before any plugin's code.

    weights: one file per classifier.
    """

    def __init__(
        self,
        job: ModelJob,
        weights: Sequence[str],
        weights_sha256: Sequence[str],
        device: torch.device,
    ) -> None:
        self._job = job
        self._device = device
        self._tensors = [
            tensors_from_file(Path(path), sha256)
            for path, sha256 in zip(weights, weights_sha256, strict=True)
        ]
        self._built: dict[int, tuple[Method, Classifier]] = {}

    def ready(self, number: int, clips: StagedClips, group: int) -> torch.nn.Module:
        """Return a classifier as it predicts a group of clips; adapted to them where it adapts.

        group: place of the group among the devices of the run, which seeds the adaptation.
        """
        if Access.TEST_TIME.value not in self._job.needs:
            if number not in self._built:
                self._built[number] = self._build(number)
            return self._built[number][1].eval()  # whatever a prediction left it in
        method, model = self._build(number)  # its own: adaptation changes it
        generator = torch.Generator().manual_seed(seed_for(self._job.seed, "adapt", group))
        return method.adapt(model, clips, generator)

    def _build(self, number: int) -> tuple[Method, Classifier]:
        _, method = build_method(self._job.method)
        model = build_classifier(self._job, method).to(self._device)
        model.load_state_dict(self._tensors[number])
        return method, model.eval()
