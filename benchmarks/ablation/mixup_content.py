"""Why does mixup help against devices? mixup of content alone: each clip keeps its band levels.

For docs/evidence.md, "mixup":
devbench run --plugin benchmarks/ablation/mixup_content.py --method mixup-content
"""

from __future__ import annotations

import torch

from devbench import Batch, Method, MethodSpec, hookimpl
from devbench_plugins.methods.mixup import Mixup
from devbench_plugins.spectra import spectrogram_of, with_spectrogram


class MixupContent(Method):
    """Mix what remains of clips without the mean of each band; the means stay as they are."""

    def __init__(self, *, alpha: float = 0.3, probability: float = 1.0) -> None:
        self.mixup = Mixup(alpha=alpha, probability=probability)

    def augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return the batch with the content and the target of each clip mixed with another's."""
        x_db = spectrogram_of(batch)
        levels_db = x_db.mean(dim=3, keepdim=True)
        mixed = self.mixup.augment(with_spectrogram(batch, x_db - levels_db), generator)
        out: Batch = with_spectrogram(mixed, spectrogram_of(mixed) + levels_db)
        return out


@hookimpl
def devbench_method() -> MethodSpec:
    """Return the method."""
    return MethodSpec(name="mixup-content", build=MixupContent, reference="arXiv 1710.09412")
