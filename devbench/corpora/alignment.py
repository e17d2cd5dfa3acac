"""Whether the devices of a corpus recorded at the same moment: reported, never corrected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from devbench.audio.files import read_clip
from devbench.contract.values import Clip
from devbench.corpora.manifest import Corpus

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.floating]

N_EVENTS = 16
AGREEMENT_S = 0.001


@dataclass(frozen=True, slots=True)
class Offset:
    """How much later than the reference device a device recorded: median over n_events events.

    agreement: share of the events within 1 ms of the median; a low one says that the sounds do
    not tell (steady noise, hum) or that the device starts at random moments.
    """

    device: str
    reference: str
    offset_ms: float
    agreement: float
    n_events: int


def offsets(corpus: Corpus, usable: Sequence[Clip]) -> list[Offset]:
    """Return the offset of every device to the first one, from up to 16 events they share."""
    import numpy as np

    by_device: dict[str, dict[str, Clip]] = {device.id: {} for device in corpus.devices}
    for clip in usable:
        by_device[clip.device][clip.event_id] = clip
    reference, *others = by_device
    found: list[Offset] = []
    for device in others:
        shared = _spread(sorted(by_device[reference].keys() & by_device[device].keys()))
        if not shared:
            continue
        lags_s = np.array(
            [
                _lag_s(corpus, by_device[reference], by_device[device], event_id)
                for event_id in shared
            ]
        )
        median_s = float(np.median(lags_s))
        agreement = float(np.mean(np.abs(lags_s - median_s) <= AGREEMENT_S))
        found.append(Offset(device, reference, 1000 * median_s, agreement, len(shared)))
    return found


def lag_samples(first: Floats, second: Floats) -> int:
    """Return by how many samples second is later than first: the peak of the whitened correlation.

    first, second: [sample]. Whitening (GCC-PHAT; Knapp and Carter 1976) takes out what the two
    responses do to the spectrum.
    """
    import numpy as np

    n_fft = 1 << (len(first) + len(second)).bit_length()
    cross = np.fft.rfft(second, n_fft) * np.conj(np.fft.rfft(first, n_fft))
    size = np.abs(cross)
    likeness = np.fft.irfft(cross / np.maximum(size, 1e-6 * max(float(size.max()), 1e-30)), n_fft)
    lag = int(np.argmax(likeness))
    return lag - n_fft if lag > n_fft // 2 else lag


def _lag_s(
    corpus: Corpus, first: Mapping[str, Clip], second: Mapping[str, Clip], event_id: str
) -> float:
    rate_hz = corpus.header.sample_rate_hz
    sounds = [
        read_clip(
            corpus.folder / clip.path,
            sha256=clip.sha256,
            n_samples=clip.n_samples,
            sample_rate_hz=rate_hz,
        )
        for clip in (first[event_id], second[event_id])
    ]
    return lag_samples(sounds[0], sounds[1]) / rate_hz


def _spread(events: list[str]) -> list[str]:
    step = max(1, len(events) // N_EVENTS)
    return events[::step][:N_EVENTS]
