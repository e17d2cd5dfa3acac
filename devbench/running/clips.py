"""Staged clips: arrays in a folder, and the views through which a method sees them.

A folder holds data.npy ([total, bin] frames or [total] samples, all clips end to end), index.npy
([clip, 2]: start and length) and, where the clips are labelled, labels.npy ([clip] class index).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devbench.contract.batch import Batch
from devbench.files import disk_errors

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

VIEW_BATCH = 64


def save_clips(
    folder: Path, clips: Sequence[NDArray[np.float32]], labels: Sequence[int] | None
) -> None:
    """Write clips ([frame, bin] or [sample] each) and their class indices into a new folder."""
    import numpy as np

    folder.mkdir(parents=True, exist_ok=True)
    lengths = np.array([len(clip) for clip in clips], np.int64)
    starts = np.cumsum(lengths) - lengths
    with disk_errors(folder):
        np.save(folder / "data.npy", np.concatenate(clips).astype(np.float32, copy=False))
        np.save(folder / "index.npy", np.stack([starts, lengths], axis=1))
        if labels is not None:
            np.save(folder / "labels.npy", np.array(labels, np.int64))


class StagedClips:
    """Clips of one device as batches; implements LabelledView and UnlabelledView.

    crop: length of a random crop in frames (spectrograms) or samples (waveforms); clips shorter
    than that are repeated. Batches lie on the device of `data`.
    frontend: what turns crops of waveforms into spectrograms as they are asked for.
    """

    def __init__(
        self,
        data: torch.Tensor,
        index: torch.Tensor,
        *,
        crop: int,
        bin_hz: torch.Tensor,
        labels: torch.Tensor | None = None,
        n_classes: int = 0,
        frontend: Callable[[torch.Tensor], torch.Tensor] | None = None,
    ) -> None:
        import torch

        self._data = data
        self._frontend = frontend
        self._starts = index[:, 0]
        self._lengths = index[:, 1]
        self._crop = crop
        self._bin_hz = bin_hz
        rows = len(index)
        if labels is None:
            self._targets = torch.zeros(rows, 0, device=data.device)
        else:
            self._targets = torch.nn.functional.one_hot(labels, n_classes).float()

    @classmethod
    def load(
        cls,
        folder: Path,
        *,
        crop: int,
        bin_hz: torch.Tensor,
        n_classes: int = 0,
        frontend: Callable[[torch.Tensor], torch.Tensor] | None = None,
    ) -> StagedClips:
        """Return the clips in a staged folder, on the device of bin_hz."""
        import numpy as np
        import torch

        def read(name: str) -> torch.Tensor:
            array: NDArray[Any] = np.load(folder / name, allow_pickle=False)
            return torch.from_numpy(array).to(bin_hz.device)

        labelled = (folder / "labels.npy").exists()
        return cls(
            read("data.npy"),
            read("index.npy"),
            crop=crop,
            bin_hz=bin_hz,
            labels=read("labels.npy") if labelled else None,
            n_classes=n_classes,
            frontend=frontend,
        )

    def __len__(self) -> int:
        return len(self._starts)

    @property
    def crop(self) -> int:
        """Return the length of a crop in frames, or in samples where waveforms are kept."""
        return self._crop

    @property
    def targets(self) -> torch.Tensor:
        """Return the targets of all clips: [clip, class]."""
        return self._targets

    @property
    def lengths(self) -> list[int]:
        """Return the length of every clip in frames or samples."""
        return [int(length) for length in self._lengths]

    def __iter__(self) -> Iterator[Batch]:
        """Yield every clip once, whole, in staged order, in batches of clips of one length."""
        import torch

        for length in torch.unique(self._lengths).tolist():
            rows = torch.nonzero(self._lengths == length)[:, 0]
            for part in torch.split(rows, VIEW_BATCH):
                starts = torch.zeros(len(part), dtype=torch.int64, device=rows.device)
                yield self.crops(part, starts, int(length))

    def sample(self, n_clips: int, generator: torch.Generator) -> Batch:
        """Return random crops of n_clips random clips, drawn with replacement from generator."""
        import torch

        rows = torch.randint(len(self), (n_clips,), generator=generator)
        return self.random_crops(rows.to(self._data.device), generator)

    def random_crops(self, rows: torch.Tensor, generator: torch.Generator) -> Batch:
        """Return one random crop of each clip in rows [batch]."""
        import torch

        where = torch.rand(len(rows), generator=generator, dtype=torch.float64)
        room = (self._lengths[rows] - self._crop).clamp(min=0) + 1
        starts = (where.to(rows.device) * room).long()
        return self.crops(rows, starts, self._crop)

    def crops(self, rows: torch.Tensor, starts: torch.Tensor, length: int) -> Batch:
        """Return data of `length` from `starts` [batch] of clips `rows` [batch]."""
        import torch

        steps = torch.arange(length, device=rows.device)
        inside = (starts[:, None] + steps) % self._lengths[rows][:, None]
        values = self._data[self._starts[rows][:, None] + inside]  # [batch, length] or [.., bin]
        if values.ndim == 3:
            spectrogram_db = values.transpose(1, 2).unsqueeze(1)  # [batch, 1, bin, frame]
        elif self._frontend is not None:
            spectrogram_db = self._frontend(values)
        else:
            return Batch(target=self._targets[rows], bin_hz=self._bin_hz, waveform=values)
        return Batch(target=self._targets[rows], bin_hz=self._bin_hz, spectrogram_db=spectrogram_db)

    def windows(self, crop: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (row [window], start [window]) of the fixed test windows of all clips.

        About length / crop windows of each clip, evenly spaced from its beginning to its end; the
        logits of a clip are the mean over its windows.
        """
        import torch

        rows: list[int] = []
        starts: list[int] = []
        for row, length in enumerate(self.lengths):
            count = max(1, round(length / crop))
            last = max(0, length - crop)
            rows += [row] * count
            starts += [last // 2] if count == 1 else [k * last // (count - 1) for k in range(count)]
        device = self._data.device
        return torch.tensor(rows, device=device), torch.tensor(starts, device=device)
