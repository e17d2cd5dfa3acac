"""Ideal: training on labelled clips of every device; the upper bound ("Real" in the papers)."""

from __future__ import annotations

import dataclasses

import torch

from devbench import Access, Batch, LabelledView, Method, MethodSpec, SideInformation, hookimpl

from ..draws import choices
from ..spectra import spectrogram_of


class Ideal(Method):
    """Replace each training batch by labelled clips of devices drawn uniformly, source included.

    It takes as many steps as any other method, so each device is seen a seventh as often.
    """

    def fit(self, train: LabelledView, side: SideInformation, generator: torch.Generator) -> None:
        """Keep the labelled clips of every device."""
        self.views = [side.labelled[device] for device in (side.source, *side.targets)]

    def augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return as many labelled clips, each of a random device."""
        x_db = spectrogram_of(batch)
        chosen = choices(len(batch), len(self.views), x_db, generator)
        counts = torch.bincount(chosen, minlength=len(self.views)).tolist()
        drawn = [
            view.sample(n_clips, generator)
            for view, n_clips in zip(self.views, counts, strict=True)
            if n_clips > 0
        ]
        return dataclasses.replace(
            batch,
            spectrogram_db=torch.cat([spectrogram_of(part).to(x_db) for part in drawn]),
            target=torch.cat([part.target.to(batch.target) for part in drawn]),
        )


@hookimpl
def devbench_method() -> MethodSpec:
    """Offer the method."""
    return MethodSpec(
        name="ideal",
        build=Ideal,
        needs=frozenset({Access.TARGET_LABELS}),
        reference="the row 'Real' of Microphone Conversion (arXiv 2401.06913), section 4",
    )
