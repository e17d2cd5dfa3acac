"""The common scale on which converters work: all devices' clips to mean 0 and deviation 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from devbench import UnlabelledView

from ..spectra import band_mean_and_sd, spectrogram_of


@dataclass(frozen=True, slots=True)
class Scale:
    """Mean and standard deviation in dB over the clips, bins and frames of all devices.

    One scale for all: one per clip or per device would hide what a converter has to change.
    least_db: the lowest value in any clip, below which nothing is converted.
    """

    mean_db: float
    sd_db: float
    least_db: float

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return the scale as an artifact keeps it."""
        return {"scale_db": torch.tensor([self.mean_db, self.sd_db, self.least_db])}

    @classmethod
    def of(cls, tensors: Mapping[str, torch.Tensor]) -> Scale:
        """Return the scale in an artifact."""
        return cls(*tensors["scale_db"].tolist())

    def standard(self, x_db: torch.Tensor) -> torch.Tensor:
        """Return decibels on the common scale."""
        return (x_db - self.mean_db) / self.sd_db

    def decibels(self, x: torch.Tensor) -> torch.Tensor:
        """Return what is on the common scale in decibels."""
        return x * self.sd_db + self.mean_db


def measured_scale(devices: Sequence[UnlabelledView]) -> Scale:
    """Return the scale of unlabelled clips of several devices, each device weighing the same."""
    means, squares = [], []
    least_db = 0.0
    for clips in devices:
        for batch in clips:
            least_db = min(least_db, float(spectrogram_of(batch).min()))
        band_db, spread_db = band_mean_and_sd(clips)  # [bin]
        means.append(band_db.mean())
        squares.append((spread_db.square() + band_db.square()).mean())
    mean = torch.stack(means).mean()
    variance = torch.stack(squares).mean() - mean.square()
    sd_db = float(variance.clamp(min=1.0).sqrt())
    return Scale(round(float(mean), 3), round(sd_db, 3), round(least_db, 3))
