"""The twelve settings of the equaliser, 21 classes each, and what classes stand for.

Mimilakis, Bryan, Smaragdis, ICASSP 2020, section 4: gains in equal steps, qualities and frequencies
in equal ratios.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from devbench import DataError

from ..equaliser import HIGHEST_HZ, LOWEST_HZ, response_db

BANDS = ("low", "mid1", "mid2", "high")
PARAMETERS = ("gain", "frequency", "q")
"""A setting is parameter 4 p + band b: four gains, four frequencies, four qualities."""
N_BANDS, N_CLASSES = 4, 21
N_SETTINGS = len(PARAMETERS) * N_BANDS
REACH_DB = 10.0
LEAST_QUALITY, GREATEST_QUALITY = 0.01, 10.0
HIGHEST_SHARE = 0.45
"""Of the sample rate: where the frequencies of the highest band end at the latest."""


@dataclass(frozen=True, slots=True)
class Grids:
    """What each class stands for: gain_db, frequency_hz and quality, [band, class] float32 each.

    The frequencies of the high band end at 0.45 of the sample rate. Raises DataError where that is
    below their beginning.
    """

    gain_db: torch.Tensor
    frequency_hz: torch.Tensor
    quality: torch.Tensor
    sample_rate_hz: int

    @classmethod
    def at(cls, sample_rate_hz: int) -> Grids:
        """Return the grids at a sample rate."""
        end_hz = HIGHEST_SHARE * sample_rate_hz
        if end_hz <= LOWEST_HZ[-1]:
            raise DataError(
                f"at {sample_rate_hz} Hz there is no room for the high band, which begins at "
                f"{LOWEST_HZ[-1]:.0f} Hz",
                fix="use a corpus of 16000 Hz or more",
            )
        along = torch.linspace(0, 1, N_CLASSES, dtype=torch.float64)
        low = torch.tensor(LOWEST_HZ, dtype=torch.float64)[:, None]
        high = torch.tensor(HIGHEST_HZ, dtype=torch.float64).clamp(max=end_hz)[:, None]
        quality = LEAST_QUALITY * (GREATEST_QUALITY / LEAST_QUALITY) ** along
        return cls(
            gain_db=(REACH_DB * (2 * along - 1)).expand(N_BANDS, -1).float(),
            frequency_hz=(low * (high / low) ** along).float(),
            quality=quality.expand(N_BANDS, -1).float(),
            sample_rate_hz=sample_rate_hz,
        )

    def to(self, device: torch.device) -> Grids:
        """Return the grids on a device."""
        return Grids(
            self.gain_db.to(device),
            self.frequency_hz.to(device),
            self.quality.to(device),
            self.sample_rate_hz,
        )

    def values(self, classes: torch.Tensor) -> torch.Tensor:
        """Return gains in dB, frequencies in Hz and qualities: [batch, 3, band].

        classes: [batch, 12] int64.
        """
        table = torch.stack([self.gain_db, self.frequency_hz, self.quality])  # [3, band, class]
        index = classes.view(-1, len(PARAMETERS), N_BANDS, 1)
        return table.expand(len(classes), -1, -1, -1).gather(3, index)[..., 0]

    def expected(self, logits: torch.Tensor) -> torch.Tensor:
        """Return the values expected under the posteriors, in logarithms but for gains.

        logits: [batch, 12, 21]. Returns [batch, 3, band], as `values` does.
        """
        share = logits.double().softmax(dim=2).view(-1, len(PARAMETERS), N_BANDS, N_CLASSES)
        scales = [self.gain_db, self.frequency_hz.log(), self.quality.log()]
        mean = (share * torch.stack(scales).double()).sum(dim=3)  # [batch, 3, band]
        return torch.cat([mean[:, :1], mean[:, 1:].exp()], dim=1).float()

    def response_db(self, values: torch.Tensor, at_hz: torch.Tensor) -> torch.Tensor:
        """Return the responses of equalisers in dB at at_hz [bin]: [batch, bin] float32.

        values: [batch, 3, band].
        """
        gain_db, frequency_hz, quality = values.unbind(dim=1)
        return response_db(
            gain_db, frequency_hz, quality, at_hz=at_hz, sample_rate_hz=self.sample_rate_hz
        )
