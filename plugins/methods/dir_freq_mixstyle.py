"""DIR and Freq-MixStyle together: responses of other devices, then mixed statistics."""

from __future__ import annotations

from pathlib import Path

import torch

from devbench import (
    Batch,
    LabelledView,
    MethodSpec,
    SideInformation,
    hookimpl,
    response_of_impulse,
)

from ..checks import require_range
from ..draws import choices, coins
from ..impulse_responses import read_impulse_responses
from ..spectra import spectrogram_of, with_spectrogram
from .freq_mixstyle import FreqMixStyle


class DIRFreqMixStyle(FreqMixStyle):
    """Add the response of a random device of a pool to clips, then mix their statistics.

    Impulse responses act on the spectrogram here, as responses in dB: those of microphones are
    shorter than a frame.

    Args:
        folder: of the pool: WAV or FLAC files at the benchmark's rate, such as MicIRP's.
        dir_probability: 0 to 1, that a clip gets a response.
        probability: 0 to 1, that a batch is mixed.
        alpha: 0.05 to 10, shape of the Beta distribution of a clip's own share.
    """

    def __init__(
        self,
        *,
        folder: Path,
        dir_probability: float = 0.6,
        probability: float = 0.4,
        alpha: float = 0.4,
    ) -> None:
        super().__init__(probability=probability, alpha=alpha)
        self.folder = folder
        self.dir_probability = require_range("dir_probability", dir_probability, 0, 1)

    def fit(self, train: LabelledView, side: SideInformation, generator: torch.Generator) -> None:
        """Read the pool and compute its responses on the bins."""
        rate_hz = side.features.sample_rate_hz
        bin_hz = next(iter(train)).bin_hz.double().cpu().numpy()
        curves = [
            response_of_impulse(taps, rate_hz, provenance="measured").at(bin_hz)
            for taps in read_impulse_responses(self.folder, side)
        ]
        self.curves_db = torch.stack([torch.from_numpy(curve).float() for curve in curves])

    def augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return the batch with responses on some clips and, by one coin, mixed statistics."""
        x_db = spectrogram_of(batch)
        chosen = choices(len(batch), len(self.curves_db), x_db, generator)
        curves_db = self.curves_db.to(x_db)[chosen]  # [batch, bin]
        changed = coins(len(batch), self.dir_probability, x_db, generator)
        x_db = x_db + (curves_db * changed[:, None])[:, None, :, None]
        return super().augment(with_spectrogram(batch, x_db), generator)


@hookimpl
def devbench_method() -> MethodSpec:
    """Offer the method."""
    return MethodSpec(
        name="dir-freq-mixstyle",
        build=DIRFreqMixStyle,
        reference="Morocutti et al., Device-Robust Acoustic Scene Classification via Impulse "
        "Response Augmentation, EUSIPCO 2023 (arXiv 2305.07499), section 3 (DIR + FMS)",
    )
