"""What a method adds to the source's clips, per band: where its augmentation lies, for pictures.

Measured after training, with draws of its own, so that training stays what it is.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import torch

from devbench.benchmark.seeds import seed_for
from devbench.contract.batch import Batch
from devbench.contract.method import Method
from devbench.running.clips import StagedClips

N_CLIPS = 256
BATCH = 64
MAX_BANDS = 32
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def added_db(
    method: Method,
    name: str,
    train: StagedClips,
    *,
    seed: int,
    to_spectrogram: Callable[[Batch], Batch],
) -> dict[str, list[Any]] | None:
    """Return quantiles over clips of what augment adds, as a mean over each clip's frames in dB.

    name: of the method, keys the draws. to_spectrogram: what shows waveform batches in dB.
    Neighbouring bins are averaged to at most MAX_BANDS. None for a method that changes nothing, and
    for one that changes labels: it puts other clips in the place of these.
    """
    generator = torch.Generator().manual_seed(seed_for(seed, "added", name))
    differences = []
    for _ in range(0, N_CLIPS, BATCH):
        plain = train.sample(BATCH, generator)
        augmented = method.augment(plain, generator)
        if not torch.equal(plain.target, augmented.target):
            return None
        before, after = to_spectrogram(plain).clips, to_spectrogram(augmented).clips
        differences.append((after - before).mean(dim=(1, 3)))  # [batch, bin]
    by_clip = torch.cat(differences).double().cpu()
    if not bool(by_clip.abs().max() > 0):
        return None
    quantiles = torch.quantile(
        _in_bands(by_clip), torch.tensor(QUANTILES, dtype=torch.float64), dim=0
    )
    hz = _in_bands(plain.bin_hz.double().cpu()[None])[0]
    return {
        "hz": [round(value, 1) for value in hz.tolist()],
        "quantiles": list(QUANTILES),
        "db": [[round(value, 2) for value in row] for row in quantiles.tolist()],
    }


def _in_bands(values: torch.Tensor) -> torch.Tensor:
    """Return means of neighbouring bins: [row, band] of [row, bin]."""
    n_bands = min(MAX_BANDS, values.shape[1])
    edges = torch.linspace(0, values.shape[1], n_bands + 1).round().long().tolist()
    parts = [values[:, low:high].mean(dim=1) for low, high in itertools.pairwise(edges)]
    return torch.stack(parts, dim=1)
