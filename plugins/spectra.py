"""Spectral curves per device: how they are measured on clips and how they are added to a batch."""

from __future__ import annotations

import dataclasses

import torch

from devbench import Batch, DataError, UnlabelledView

from .draws import choices


def band_mean_and_sd(clips: UnlabelledView) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mean and standard deviation in dB of every bin over clips and time: two [bin] float64.

    Every clip weighs the same, however long it is, so that one long clip is not the device.
    """
    n_clips = 0
    total = square = torch.zeros(1, dtype=torch.float64)
    for batch in clips:
        x_db = spectrogram_of(batch).double().cpu()  # [batch, 1, bin, frame]
        n_clips += len(batch)
        total = total + x_db.mean(dim=(1, 3)).sum(dim=0)  # [bin]
        square = square + x_db.square().mean(dim=(1, 3)).sum(dim=0)
    if n_clips == 0:
        raise DataError(
            "a device has no unlabelled clips", fix="give it clips of the split convert"
        )
    mean_db = total / n_clips
    return mean_db, (square / n_clips - mean_db.square()).clamp(min=0.0).sqrt()


def spectrogram_of(batch: Batch) -> torch.Tensor:
    """Return the spectrogram of a batch, which methods that act on spectrograms are given."""
    assert batch.spectrogram_db is not None
    return batch.spectrogram_db


def with_spectrogram(batch: Batch, spectrogram_db: torch.Tensor) -> Batch:
    """Return the batch with another spectrogram: [batch, 1, bin, frame]."""
    return dataclasses.replace(batch, spectrogram_db=spectrogram_db)


def add_one_of(batch: Batch, curves_db: torch.Tensor, generator: torch.Generator) -> Batch:
    """Return the batch with one curve added to each clip, all equally likely.

    curves_db: [choice, bin]; a row of zeros is the choice to leave a clip as it is.
    """
    x_db = spectrogram_of(batch)
    curves_db = curves_db.to(x_db)
    chosen = choices(len(batch), len(curves_db), x_db, generator)
    return with_spectrogram(batch, x_db + curves_db[chosen][:, None, :, None])
