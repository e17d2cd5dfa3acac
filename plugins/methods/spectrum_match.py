"""Spectrum match: give each clip the per-band mean and spread of another device's clips."""

from __future__ import annotations

import torch

from devbench import Access, Batch, LabelledView, Method, MethodSpec, SideInformation, hookimpl

from ..draws import choices
from ..spectra import band_mean_and_sd, spectrogram_of, with_spectrogram

# A band that hardly moves (empty, at the floor) carries nothing to stretch: below this, no ratio.
LEAST_SD_DB = 0.5


class SpectrumMatch(Method):
    """Map every band by (x - mean_source) / sd_source * sd_target + mean_target.

    Statistics are over unlabelled clips and time; the target of each clip is random, and leaving
    it unaltered is as likely as each target. The mean carries the response and the level of a
    device; the spread carries what its noise floor and its limiter take away.
    """

    def fit(self, train: LabelledView, side: SideInformation, generator: torch.Generator) -> None:
        """Measure both statistics of every device: scale and offset are [1 + target, bin]."""
        source_mean, source_sd = band_mean_and_sd(side.unpaired[side.source])
        scales, offsets = [torch.ones_like(source_mean)], [torch.zeros_like(source_mean)]
        for name in side.targets:
            mean, sd = band_mean_and_sd(side.unpaired[name])
            scales.append(sd.clamp(min=LEAST_SD_DB) / source_sd.clamp(min=LEAST_SD_DB))
            offsets.append(mean - scales[-1] * source_mean)
        self.scale, self.offset_db = torch.stack(scales), torch.stack(offsets)

    def augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return the batch with each clip matched to one device."""
        x_db = spectrogram_of(batch)
        chosen = choices(len(batch), len(self.scale), x_db, generator)
        scale = self.scale.to(x_db)[chosen][:, None, :, None]  # [batch, 1, bin, 1]
        offset_db = self.offset_db.to(x_db)[chosen][:, None, :, None]
        return with_spectrogram(batch, x_db * scale + offset_db)


@hookimpl
def devbench_method() -> MethodSpec:
    """Offer the method."""
    return MethodSpec(
        name="spectrum-match",
        build=SpectrumMatch,
        needs=frozenset({Access.UNPAIRED_TARGET}),
        reference="after Mezza et al., EUSIPCO 2020 (arXiv 2005.00145), turned into augmentation",
    )
