"""Why does mixup help against devices? Band levels mixed alone: content and label stay.

For docs/evidence.md, "mixup":
devbench run --plugin benchmarks/ablation/mixup_levels.py --method mixup-levels
"""

from __future__ import annotations

import torch

from devbench import Batch, Method, MethodSpec, hookimpl
from devbench_plugins.methods.mixup import Mixup
from devbench_plugins.spectra import spectrogram_of, with_spectrogram


class MixupLevels(Method):
    """Mix the mean of each band with that of another clip; all else and the labels stay."""

    def __init__(self, *, alpha: float = 0.3, probability: float = 1.0) -> None:
        self.mixup = Mixup(alpha=alpha, probability=probability)

    def augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return the batch with the band levels of each clip mixed with another's."""
        x_db = spectrogram_of(batch)
        levels_db = x_db.mean(dim=3, keepdim=True)
        mixed = self.mixup.augment(with_spectrogram(batch, levels_db), generator)
        out: Batch = with_spectrogram(batch, x_db - levels_db + spectrogram_of(mixed))
        return out


@hookimpl
def devbench_method() -> MethodSpec:
    """Return the method."""
    return MethodSpec(name="mixup-levels", build=MixupLevels, reference="arXiv 1710.09412")
