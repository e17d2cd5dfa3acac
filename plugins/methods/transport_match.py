"""Transport match: move every band's values to the distribution they have on another device."""

from __future__ import annotations

import torch

from devbench import Access, Batch, LabelledView, Method, MethodSpec, SideInformation, hookimpl

from ..converters.transport import band_quantiles, transported
from ..draws import choices
from ..spectra import spectrogram_of, with_spectrogram


class TransportMatch(Method):
    """Map each band by the rising function between two devices' quantiles.

    No network: the control for converters that are trained on the same unlabelled clips. The target
    of each clip is random, and leaving it unaltered is as likely as each target.
    """

    def fit(self, train: LabelledView, side: SideInformation, generator: torch.Generator) -> None:
        """Measure the quantiles of every device: source and targets, [device, quantile, bin]."""
        names = (side.source, *side.targets)
        self.targets = side.targets
        self.quantiles_db = torch.stack([band_quantiles(side.unpaired[name]) for name in names])

    def augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return the batch with each clip moved to one device, the source itself among them."""
        x_db = spectrogram_of(batch)
        return self._moved(batch, choices(len(batch), len(self.quantiles_db), x_db, generator))

    def convert(self, batch: Batch, target: str, generator: torch.Generator) -> Batch:
        """Return the batch moved to one target."""
        number = 1 + self.targets.index(target)
        return self._moved(batch, torch.full((len(batch),), number))

    def _moved(self, batch: Batch, chosen: torch.Tensor) -> Batch:
        x_db = spectrogram_of(batch)
        quantiles_db = self.quantiles_db.to(x_db)
        source_db = quantiles_db[:1].expand(len(batch), -1, -1)
        moved_db = transported(x_db, source_db, quantiles_db[chosen.to(x_db.device)])
        unaltered = (chosen == 0).to(x_db.device)[:, None, None, None]
        return with_spectrogram(batch, torch.where(unaltered, x_db, moved_db))


@hookimpl
def devbench_method() -> MethodSpec:
    """Offer the method."""
    return MethodSpec(
        name="transport-match",
        build=TransportMatch,
        needs=frozenset({Access.UNPAIRED_TARGET}),
        reference="one-dimensional optimal transport per band; control for arXiv 2410.18322",
    )
