"""FR shift, real: add the measured difference between two devices' frequency responses."""

from __future__ import annotations

import torch

from devbench import (
    Access,
    Batch,
    DataError,
    LabelledView,
    Method,
    MethodSpec,
    SideInformation,
    hookimpl,
    shift_db,
)

from ..spectra import add_one_of


class FRShiftReal(Method):
    """Make each clip look recorded by a random target, or leave it: all choices equally likely.

    No network: the control for converters that are conditioned on the same responses.
    """

    def fit(self, train: LabelledView, side: SideInformation, generator: torch.Generator) -> None:
        """Compute what to add for every target."""
        responses = side.frequency_responses
        missing = [name for name in (side.source, *side.targets) if name not in responses]
        if missing:
            raise DataError(
                f"no frequency response of {', '.join(missing)}",
                fix="add responses/DEVICE.csv to the corpus, or choose another method",
            )
        bin_hz = next(iter(train)).bin_hz.double().cpu().numpy()
        unaltered = torch.zeros(len(bin_hz))
        shifts = [
            torch.from_numpy(shift_db(responses[side.source], responses[target], bin_hz)).float()
            for target in side.targets
        ]
        self.targets = side.targets
        self.curves_db = torch.stack([unaltered, *shifts])  # [1 + target, bin]

    def augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return the batch with one shift per clip."""
        return add_one_of(batch, self.curves_db, generator)

    def convert(self, batch: Batch, target: str, generator: torch.Generator) -> Batch:
        """Return the batch shifted to one target."""
        curve_db = self.curves_db[1 + self.targets.index(target)]
        return add_one_of(batch, curve_db[None], generator)


@hookimpl
def devbench_method() -> MethodSpec:
    """Offer the method."""
    return MethodSpec(
        name="fr-shift-real",
        build=FRShiftReal,
        needs=frozenset({Access.DEVICE_FR}),
        reference="control for Unified Microphone Conversion (arXiv 2410.18322), section 4",
    )
