"""The one value that flows through a method: a batch of clips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from devbench.errors import ContractError

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Clips of one length, with their targets; exactly one of the two inputs is present.

    waveform: [batch, sample] float32, full scale ±1, or None.
    spectrogram_db: [batch, 1, bin, frame] float32 dB, or None.
    target: [batch, class] float32, rows sum to 1; [batch, 0] when the clips are unlabelled.
    bin_hz: [bin] float32, centre frequency of each bin in Hz.
    """

    target: Tensor
    bin_hz: Tensor
    waveform: Tensor | None = None
    spectrogram_db: Tensor | None = None

    def __post_init__(self) -> None:
        if (self.waveform is None) == (self.spectrogram_db is None):
            raise ContractError(
                "a batch holds either a waveform or a spectrogram",
                fix="build it with dataclasses.replace(batch, ...) and change one of them",
            )

    @property
    def clips(self) -> Tensor:
        """Return the input that is present: waveform or spectrogram_db."""
        clips = self.waveform if self.spectrogram_db is None else self.spectrogram_db
        assert clips is not None
        return clips

    def __len__(self) -> int:
        return int(self.clips.shape[0])
