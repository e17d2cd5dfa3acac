"""Near-duplicates: one recording that came in twice with another gain, start or dither.

A fingerprint is how strongly the magnitude of 16 mel bands is modulated at 8 frequencies. A shift
in time turns only phases, a gain scales all of it, and faint noise adds little to magnitudes; so
copies lie close. Fingerprints choose candidates; the peak of the normalised cross-correlation of
the sounds themselves decides.
"""

from __future__ import annotations

import functools
import heapq
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

N_BANDS = 16
MODULATION_HZ = (0.0, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 14.0)
WINDOW_S = 0.032
LIKE = 0.97
SAME = 0.95
LONGEST_S = 60.0
MAX_CANDIDATES = 500
PATIENCE = 200
BLOCK = 1024


def fingerprint(mono: NDArray[np.float32], rate_hz: int) -> str:
    """Return the fingerprint of [sample] as hexadecimal text of 128 half-precision numbers.

    Of long sounds the first minute tells.
    """
    import numpy as np

    window = max(16, 1 << round(np.log2(WINDOW_S * rate_hz)))
    hop = window // 2
    mono = mono[: round(LONGEST_S * rate_hz)]
    mono = mono / max(float(np.max(np.abs(mono))), 1e-30)  # squares of what is far too loud
    padded = np.pad(mono, (0, max(0, window - len(mono)) + hop))
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    power = np.abs(np.fft.rfft(frames * np.hanning(window).astype(np.float32), axis=1)) ** 2
    magnitude = np.sqrt(power @ _weights(rate_hz, window).T)  # [frame, band]
    at_s = np.arange(len(magnitude)) * hop / rate_hz
    turns = np.exp(-2j * np.pi * np.outer(MODULATION_HZ, at_s))  # [modulation, frame]
    found = np.abs(turns @ magnitude).ravel()
    found /= max(float(np.linalg.norm(found)), 1e-30)
    data: bytes = found.astype("<f2").tobytes()
    return data.hex()


@functools.lru_cache(maxsize=8)
def _weights(rate_hz: int, window: int) -> Floats:
    from devbench.audio.responses import mel_bands

    return mel_bands(N_BANDS, rate_hz, window)[0]


@dataclass(frozen=True, slots=True)
class Entry:
    """One clip to compare: key of its sound, the device, and the group whose clips are left out."""

    key: str
    device: str
    group: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Alike:
    """Two clips of one device and two groups; likeness: peak of their correlation, up to 1."""

    first: str
    second: str
    likeness: float


def near_duplicates(
    entries: Sequence[Entry], read: Callable[[str], NDArray[np.float32]]
) -> list[Alike]:
    """Return the pairs that hold one recording.

    read: gives the samples of a key. Only clips of one device and of different groups are held
    against each other: an event by two devices is alike by intent. The likeliest pairs come
    first; after 200 in a row that are no copies, or 500 in all, the rest is taken to be none.
    """
    found: list[Alike] = []
    cached = functools.lru_cache(maxsize=64)(read)
    n_vain = 0
    for first, second in _candidates(entries):
        likeness = correlation(cached(first), cached(second))
        n_vain = 0 if likeness >= SAME else n_vain + 1
        if likeness >= SAME:
            found.append(Alike(first, second, likeness))
        if n_vain >= PATIENCE:
            break
    return found


def _candidates(entries: Sequence[Entry]) -> list[tuple[str, str]]:
    """Return at most 500 pairs, the likeliest first, without ever holding many more."""
    by_device: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.fingerprint:
            by_device[entry.device].append(entry)
    best: list[tuple[float, str, str]] = []
    for own in by_device.values():
        for block in _alike(own):
            best = heapq.nlargest(MAX_CANDIDATES, (*best, *block))
    return [(first, second) for _, first, second in best]


def _alike(own: Sequence[Entry]) -> Iterator[list[tuple[float, str, str]]]:
    """Yield the pairs of one device in blocks of at most 500."""
    import numpy as np

    prints = np.stack(
        [np.frombuffer(bytes.fromhex(e.fingerprint), "<f2").astype(np.float32) for e in own]
    )
    groups = np.unique([e.group for e in own], return_inverse=True)[1]
    for start in range(0, len(own), BLOCK):
        rows = slice(start, start + BLOCK)
        likeness = prints[rows] @ prints[start:].T
        likeness[groups[rows, None] == groups[None, start:]] = 0
        likeness[np.tril_indices(len(likeness), m=likeness.shape[1])] = 0  # each pair once
        flat = likeness.ravel()
        chosen = np.flatnonzero(flat >= LIKE)
        if len(chosen) > MAX_CANDIDATES:
            chosen = chosen[np.argpartition(-flat[chosen], MAX_CANDIDATES)[:MAX_CANDIDATES]]
        places = zip(*np.unravel_index(chosen, likeness.shape), strict=True)
        yield [
            (float(likeness[row, column]), own[start + row].key, own[start + column].key)
            for row, column in places
        ]


def correlation(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Return the largest normalised correlation over all lags of [sample] and [sample], 0 to 1.

    Where one is cut off at a lag, only what both hold is compared; an overlap below half of the
    shorter one counts nothing.
    """
    import numpy as np

    n_first, n_second = len(first), len(second)
    n_fft = 1 << (n_first + n_second - 1).bit_length()
    a, b = first.astype(np.float64), second.astype(np.float64)
    a, b = a - a.mean(), b - b.mean()
    cross = np.fft.irfft(np.fft.rfft(a, n_fft) * np.conj(np.fft.rfft(b, n_fft)), n_fft)
    lags = np.concatenate([np.arange(0, n_first), np.arange(-(n_second - 1), 0)])
    start = np.maximum(lags, 0)
    stop = np.minimum(n_first, lags + n_second)
    sums_a, sums_b = (np.concatenate([[0.0], np.cumsum(x**2)]) for x in (a, b))
    energy = (sums_a[stop] - sums_a[start]) * (sums_b[stop - lags] - sums_b[start - lags])
    # Where little of either is left, rounding would decide.
    is_enough = (stop - start >= min(n_first, n_second) / 2) & (
        energy > 1e-3 * sums_a[-1] * sums_b[-1]
    )
    if not bool(is_enough.any()):
        return 0.0
    found = np.abs(cross[lags % n_fft][is_enough]) / np.sqrt(energy[is_enough])
    return float(min(1.0, found.max()))
