"""LTAS shift: add the difference of two devices' mean spectra, measured on unlabelled clips."""

from __future__ import annotations

import torch

from devbench import Access, Batch, LabelledView, Method, MethodSpec, SideInformation, hookimpl

from ..spectra import add_one_of, band_mean_and_sd


class LTASShift(Method):
    """Move each clip by LTAS(target) - LTAS(source) of a random target, or leave it.

    The long-term average spectrum is the mean of decibels, so a geometric mean of power, over
    frames and then over clips. All targets and "leave it" are equally likely.
    """

    def fit(self, train: LabelledView, side: SideInformation, generator: torch.Generator) -> None:
        """Measure the mean spectrum of every device."""
        source_db, _ = band_mean_and_sd(side.unpaired[side.source])
        shifts = [band_mean_and_sd(side.unpaired[name])[0] - source_db for name in side.targets]
        self.targets = side.targets
        self.curves_db = torch.stack([torch.zeros_like(source_db), *shifts])  # [1 + target, bin]

    def augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return the batch with one shift per clip."""
        return add_one_of(batch, self.curves_db, generator)

    def convert(self, batch: Batch, target: str, generator: torch.Generator) -> Batch:
        """Return the batch moved to one target."""
        curve_db = self.curves_db[1 + self.targets.index(target)]
        return add_one_of(batch, curve_db[None], generator)


@hookimpl
def devbench_method() -> MethodSpec:
    """Offer the method."""
    return MethodSpec(
        name="ltas-shift",
        build=LTASShift,
        needs=frozenset({Access.UNPAIRED_TARGET}),
        reference="Kosmider, Spectrum Correction, Interspeech 2020 (unaligned), as augmentation",
    )
