"""Gains per band and frame, applied to sound of any rate: magnitudes change, phases stay.

What a converter did to a log-mel spectrogram is a gain per band and frame. It is interpolated over
frequency and time to the cells of a short-time Fourier transform at the sound's own rate.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from devbench.errors import ContractError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MAX_GAIN_DB = 30.0
"""Gains beyond this, up or down, are cut off: a band that was never recorded cannot be won back."""
FLOOR_MARGIN_DB = 0.5
"""A cell this near to the floor holds no sound, and is never made louder."""
OVER_FRAMES = (0.25, 0.5, 0.25)
"""Weights over three frames: single cells that jump sound like bells."""
OVER_BANDS = (0.1, 0.8, 0.1)
"""Weights over three bands; more would flatten a response below 200 Hz, where bands are narrow."""
WINDOW_S = 1024 / 22050
"""About the window of the analysis; the transform takes the nearest power of two of samples."""
HOPS_PER_WINDOW = 4
FRAMES_PER_BLOCK = 128
FRAMES_PER_MEAN = 4096


@dataclass(frozen=True, slots=True, eq=False)
class BandGain:
    """The gain of every band and frame: converted_db - input_db, limited and smoothed.

    input_db, converted_db: [frame, bin] dB, frames centred at multiples of hop_s; they may be
    memory-mapped, only the frames asked for are read. bin_hz: [bin] rising. floor_db: of the
    features.
    """

    input_db: NDArray[np.float32]
    converted_db: NDArray[np.float32]
    bin_hz: Floats
    hop_s: float
    floor_db: float

    def __post_init__(self) -> None:
        shape = self.input_db.shape
        if shape != self.converted_db.shape or len(shape) != 2 or shape[1] != len(self.bin_hz):
            raise ContractError(
                f"input_db {shape}, converted_db {self.converted_db.shape} and bin_hz "
                f"{self.bin_hz.shape} do not fit",
                fix="give [frame, bin] twice, and one frequency per bin",
            )

    def frames(self, start: int, stop: int) -> Floats:
        """Return the gains of the frames from start up to stop: [frame, bin] dB."""
        import numpy as np

        # One frame more on both sides for smoothing; the first and the last frame are held.
        rows = np.clip(np.arange(start - 1, stop + 1), 0, len(self.input_db) - 1)
        low, high = int(rows[0]), int(rows[-1]) + 1
        heard_db = np.asarray(self.input_db[low:high], np.float64)[rows - low]
        wanted_db = np.asarray(self.converted_db[low:high], np.float64)[rows - low]
        gain_db = np.clip(wanted_db - heard_db, -MAX_GAIN_DB, MAX_GAIN_DB)
        is_empty = heard_db <= self.floor_db + FLOOR_MARGIN_DB
        gain_db = np.where(is_empty, np.minimum(gain_db, 0.0), gain_db)
        before, here, after = OVER_FRAMES
        smooth_db = before * gain_db[:-2] + here * gain_db[1:-1] + after * gain_db[2:]
        wide_db = np.concatenate([smooth_db[:, :1], smooth_db, smooth_db[:, -1:]], axis=1)
        below, here, above = OVER_BANDS
        smooth_db = below * wide_db[:, :-2] + here * wide_db[:, 1:-1] + above * wide_db[:, 2:]
        # Neighbours with sound must not lift an empty cell either.
        return np.where(is_empty[1:-1], np.minimum(smooth_db, 0.0), smooth_db)

    def mean(self) -> Floats:
        """Return the mean gain over time: [bin] dB."""
        import numpy as np

        total = np.zeros(len(self.bin_hz))
        for start in range(0, len(self.input_db), FRAMES_PER_MEAN):
            stop = min(start + FRAMES_PER_MEAN, len(self.input_db))
            total += self.frames(start, stop).sum(axis=0)
        return total / len(self.input_db)

    def at(self, time_s: Floats, freq_hz: Floats) -> Floats:
        """Return the gain at rising times and frequencies: [time, freq] dB.

        Linear between frames and between band centres; held before the first and after the last.
        """
        import numpy as np

        where = np.clip(np.asarray(time_s) / self.hop_s, 0.0, len(self.input_db) - 1.0)
        first = int(where[0])
        gain_db = self.frames(first, int(where[-1]) + 2)  # [frame, bin]
        frame = where.astype(np.int64) - first
        part = (where - np.floor(where))[:, None]
        gain_db = gain_db[frame] * (1.0 - part) + gain_db[frame + 1] * part  # [time, bin]
        place = np.interp(freq_hz, self.bin_hz, np.arange(len(self.bin_hz)))
        low = np.minimum(place.astype(np.int64), len(self.bin_hz) - 2)
        share = place - low
        between: Floats = gain_db[:, low] * (1.0 - share) + gain_db[:, low + 1] * share
        return between


def window_samples(sample_rate_hz: int) -> int:
    """Return the window of the transform in samples: a power of two nearest to WINDOW_S."""
    return int(2 ** max(6, round(math.log2(WINDOW_S * sample_rate_hz))))


def apply_gain(
    blocks: Iterable[Floats], gains: Sequence[BandGain], *, sample_rate_hz: int
) -> Iterator[Floats]:
    """Yield the sound with the gains on it, block by block and as long as it came: float64.

    blocks: [sample, channel] of any lengths. gains: one per channel. Square-root Hann windows at
    a hop of a quarter before and after the gain add up to one: 0 dB gives the sound back.
    """
    import numpy as np

    size = window_samples(sample_rate_hz)
    hop = size // HOPS_PER_WINDOW
    window = np.sqrt(np.hanning(size + 1)[:-1] / (HOPS_PER_WINDOW / 2))[:, None]  # [sample, 1]
    freq_hz = np.fft.rfftfreq(size, 1.0 / sample_rate_hz).astype(np.float64)
    lead = size - hop  # silence before the sound, so that four windows cover its first sample too
    waiting: Floats = np.zeros((lead, len(gains)))
    tail: Floats = np.zeros((lead, len(gains)))
    n_frames = n_in = n_out = 0

    def filtered(frames: Floats, first: int) -> Floats:
        """Return windows [frame, sample, channel] with gain; first: number of the first one."""
        centre_s = ((first + np.arange(len(frames))) * hop - lead + size / 2) / sample_rate_hz
        spectrum = np.fft.rfft(frames * window, axis=1)  # [frame, freq, channel]
        for channel, gain in enumerate(gains):
            spectrum[:, :, channel] *= 10.0 ** (gain.at(centre_s, freq_hz) / 20.0)
        out: Floats = np.fft.irfft(spectrum, size, axis=1) * window
        return out

    def advanced() -> Iterator[Floats]:
        """Yield finished samples [sample, channel] while a window of samples is waiting."""
        nonlocal waiting, tail, n_frames
        while len(waiting) >= size:
            count = min(FRAMES_PER_BLOCK, (len(waiting) - size) // hop + 1)
            views = np.lib.stride_tricks.sliding_window_view(waiting, size, axis=0)
            frames = views[: count * hop : hop].transpose(0, 2, 1)  # [frame, sample, channel]
            parts = filtered(frames, n_frames).reshape(count, HOPS_PER_WINDOW, hop, -1)
            total = np.zeros((count + HOPS_PER_WINDOW - 1, hop, len(gains)))
            total[: HOPS_PER_WINDOW - 1] += tail.reshape(HOPS_PER_WINDOW - 1, hop, -1)
            for place in range(HOPS_PER_WINDOW):
                total[place : place + count] += parts[:, place]
            tail = total[count:].reshape(-1, len(gains))
            n_frames += count
            waiting = waiting[count * hop :]
            yield total[:count].reshape(-1, len(gains))

    def trimmed(done: Floats, limit: int | None) -> Floats:
        """Return done without the lead and without what is beyond limit samples of sound."""
        nonlocal n_out
        start = max(0, lead - n_out)
        n_out += len(done)
        stop = len(done) if limit is None else len(done) - max(0, n_out - lead - limit)
        return done[start : max(start, stop)]

    for block in blocks:
        n_in += len(block)
        waiting = np.concatenate([waiting, np.asarray(block, np.float64)])
        for done in advanced():
            yield trimmed(done, None)
    waiting = np.concatenate([waiting, np.zeros((size, len(gains)))])  # flush the last windows
    for done in advanced():
        yield trimmed(done, n_in)
