"""Recordings of a given length from clips of any: loud enough, and short ones put end to end."""

from __future__ import annotations

import torch

from devbench import DataError, UnlabelledView

from ..waveforms import waveform_of

MIN_CLIPS = 4
BLOCK_S = 0.45
"""The standard's block is 0.4 s; shorter clips are measured repeated."""
QUIET_RANGE_DB = 40.0


class Excerpts:
    """Clips of one device that pass the gate, from which excerpts are drawn.

    clips: [sample] each, on one device. Raises DataError if fewer than 4 pass.
    """

    def __init__(self, clips: list[torch.Tensor]) -> None:
        if len(clips) < MIN_CLIPS:
            raise DataError(
                f"{len(clips)} unlabelled clips of a device are loud enough; one-shot EQ needs "
                f"{MIN_CLIPS}",
                fix="give the split a larger convert part, or leave the device out",
            )
        self.clips = clips

    @classmethod
    def of(cls, view: UnlabelledView, sample_rate_hz: int, gate_lufs: float) -> Excerpts:
        """Return the clips of a view that are not silent.

        A clip is silent if its loudness (ITU-R BS.1770) is below the gate. Where a device records
        so softly that most of its clips are, the gate is 40 dB below the median clip.
        """
        clips: list[torch.Tensor] = []
        loudness: list[torch.Tensor] = []
        for batch in view:
            x = waveform_of(batch)
            clips += x.unbind(dim=0)
            loudness.append(loudness_lufs(x, sample_rate_hz))
        if not clips:
            raise DataError(
                "a device has no unlabelled clips", fix="give it clips of the split convert"
            )
        levels = torch.cat(loudness)
        gate = min(gate_lufs, float(levels.median()) - QUIET_RANGE_DB)
        return cls([clips[row] for row in torch.nonzero(levels >= gate)[:, 0].tolist()])

    def split(self, every: int) -> tuple[Excerpts, Excerpts]:
        """Return all but every n-th clip, and every n-th, of which there are 4 or more."""
        every = max(2, min(every, len(self.clips) // MIN_CLIPS))
        held = self.clips[::every]
        rest = [clip for number, clip in enumerate(self.clips) if number % every]
        return Excerpts(rest), Excerpts(held)

    def draw(self, n: int, n_samples: int, generator: torch.Generator) -> torch.Tensor:
        """Return n excerpts of different random clips: [n, sample]."""
        return torch.stack(
            [self._joined(_order(len(self.clips), generator), n_samples, generator)
             for _ in range(n)]
        )  # fmt: skip

    def draw_pairs(
        self, n: int, n_samples: int, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return n pairs of excerpts that share no clip: two [n, sample]."""
        firsts, seconds = [], []
        for _ in range(n):
            order = _order(len(self.clips), generator)
            middle = len(order) // 2
            firsts.append(self._joined(order[:middle], n_samples, generator))
            seconds.append(self._joined(order[middle:], n_samples, generator))
        return torch.stack(firsts), torch.stack(seconds)

    def _joined(self, order: list[int], n_samples: int, generator: torch.Generator) -> torch.Tensor:
        """Return clips in that order end to end, from a random place of the first on."""
        parts, have, place = [], 0, 0
        while have < n_samples:
            clip = self.clips[order[place % len(order)]]
            if len(clip) > n_samples:
                room = len(clip) - n_samples + 1
                start = int(torch.randint(room, (), generator=generator))
                clip = clip[start : start + n_samples]
            parts.append(clip)
            have, place = have + len(clip), place + 1
        return torch.cat(parts)[:n_samples]


def _order(n: int, generator: torch.Generator) -> list[int]:
    found: list[int] = torch.randperm(n, generator=generator).tolist()
    return found


def loudness_lufs(x: torch.Tensor, sample_rate_hz: int) -> torch.Tensor:
    """Return the loudness of clips by ITU-R BS.1770-4, -inf for what that calls silent: [batch].

    x: [batch, sample]. The measurement is torchaudio's, on the CPU.
    """
    import torchaudio

    least = int(BLOCK_S * sample_rate_hz)
    x = x.cpu()
    if x.shape[1] < least:
        x = x.repeat(1, -(-least // x.shape[1]))
    level: torch.Tensor = torchaudio.functional.loudness(x[:, None], sample_rate_hz)
    return level.nan_to_num(nan=-torch.inf, neginf=-torch.inf)
