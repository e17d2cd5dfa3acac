"""Groups of frequencies of equal width on the mel scale: the bands that explanations speak of.

One definition for spectrograms and for waveforms, so that front ends can be compared.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from devbench.audio.responses import from_mel, to_mel
from devbench.errors import ContractError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEAST, MOST = 2, 40
FADE = 0.1
"""Share of the narrower neighbour over which one band fades into the next."""


@dataclass(frozen=True, slots=True)
class Bands:
    """Bands from 0 Hz upwards. edges_hz: [band + 1] rising; the first is 0."""

    edges_hz: tuple[float, ...]

    def __post_init__(self) -> None:
        rising = all(low < high for low, high in itertools.pairwise(self.edges_hz))
        if len(self.edges_hz) < LEAST + 1 or self.edges_hz[0] != 0 or not rising:
            raise ContractError("edges_hz are no bands", fix="give edges that rise from 0 Hz")

    def __len__(self) -> int:
        return len(self.edges_hz) - 1

    def of(self, freq_hz: Floats) -> NDArray[np.int64]:
        """Return the band of each frequency: [freq]; what lies outside belongs to the outermost."""
        import numpy as np

        return np.searchsorted(self.edges_hz[1:-1], freq_hz, side="right").astype(np.int64)

    def weights(self, freq_hz: Floats) -> Floats:
        """Return how much of each frequency belongs to each band: [band, freq].

        Neighbours fade into each other over 10 % of the narrower one, so that a band that is taken
        out does not ring; the weights of a frequency sum to 1.
        """
        import numpy as np

        widths = np.diff(self.edges_hz)
        above = [np.ones_like(freq_hz)]
        for edge_hz, below, beyond in zip(
            self.edges_hz[1:-1], widths[:-1], widths[1:], strict=True
        ):
            fade_hz = FADE * min(below, beyond)
            place = np.clip((freq_hz - edge_hz) / fade_hz + 0.5, 0, 1)
            above.append(0.5 - 0.5 * np.cos(np.pi * place))
        above.append(np.zeros_like(freq_hz))
        return -np.diff(np.stack(above), axis=0)

    def names(self) -> list[str]:
        """Return the bands in words: '0-240'; Hz, rounded."""
        return [f"{low:.0f}-{high:.0f}" for low, high in itertools.pairwise(self.edges_hz)]


def mel_groups(n_bands: int, fmax_hz: float) -> Bands:
    """Return bands of equal width on the Slaney mel scale from 0 Hz to fmax_hz."""
    import numpy as np

    if not LEAST <= n_bands <= MOST:
        raise UsageError(f"{n_bands} bands", fix=f"choose {LEAST} to {MOST}")
    inner = from_mel(np.linspace(0.0, to_mel(fmax_hz), n_bands + 1))[1:-1]
    return Bands((0.0, *(float(hz) for hz in inner), float(fmax_hz)))
