"""Task 'convert': the method's fit as in a run, then its `convert` on staged source clips.

This process sees what fit sees and the source clips to convert: no clip of a target beyond what the
method declared. Converted frames leave as arrays; they are held against real ones elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from devbench.benchmark.seeds import seed_for
from devbench.contract.batch import Batch
from devbench.contract.method import Method
from devbench.errors import ContractError, RunError
from devbench.running import guard
from devbench.running.classifier import build_method, set_up_torch
from devbench.running.clips import StagedClips, save_clips
from devbench.running.convert_jobs import ConvertJob, reserve
from devbench.running.finder import ArtifactMissing
from devbench.running.fitting import Stage, fit_method, require_converts
from devbench.running.frontend import build_frontend
from devbench.running.plugin_faults import naming
from devbench.running.worker import Channel

Frames = NDArray[np.float32]

FRAMES_PER_BATCH = 4096
"""Frames converted together: bounds the memory of a network, whatever the length of clips."""
FRAMES_PER_PIECE = 4096
"""Frames of a long sound that go through the front end together."""
WINDOW_CROPS = 2
"""A sound is converted in windows of so many training crops ..."""
OVERLAP_CROPS = 0.5
"""... that overlap by so much of a crop, where one fades into the next."""


def run(job_data: Any, channel: Channel) -> dict[str, Any]:
    """Write converted/TARGET/ (data.npy, index.npy) in the order of the clips; input/ for sound.

    The method is fitted for all targets first: an artifact that is missing is found before
    anything is converted, and the result is then {"missing": ...}.
    """
    job = ConvertJob.model_validate(job_data)
    fit = job.fit
    device = set_up_torch(fit.model)
    here = Path.cwd()
    allow = guard.install(
        here,
        lambda words: channel.send({"event": "violation", "words": words}),
        plugins=fit.model.plugins(),
    )
    uses: list[dict[str, Any]] = []
    with naming(fit.model.method.reference(), "fit or convert", here):
        _, frontend = build_frontend(fit.model.frontend, fit.model.features.spec())
        frontend = frontend.to(device)
        stage = Stage(fit, here, frontend.get_buffer("bin_hz"))
        methods: dict[str, Method] = {}
        try:
            for targets in fit.target_sets:
                wanted = [target for target in targets if target in job.targets]
                if not wanted:
                    continue
                spec, method = build_method(fit.model.method)
                require_converts(method, spec.name)
                found = fit_method(fit, targets, method, here=here, stage=stage, allow=allow)
                uses += [use.model_dump(mode="json") for use in found]
                methods |= dict.fromkeys(wanted, method)
        except ArtifactMissing as missing:
            return missing.result()
        with torch.no_grad():
            _convert_all(job, methods, here, frontend, channel)
    return {"artifacts": uses}


@dataclass(frozen=True, slots=True, eq=False)
class _Converter:
    """A fitted method that converts to one target, and the front end that shows what it did."""

    method: Method
    name: str
    target: str
    frontend: torch.nn.Module
    bin_hz: torch.Tensor
    is_waveform: bool
    seed: int

    def convert(self, batch: Batch) -> torch.Tensor:
        """Return source clips as the target records them: [batch, 1, bin, frame] dB.

        The same draws every time: a device that is drawn does not change from batch to batch.
        """
        generator = torch.Generator().manual_seed(self.seed)
        converted = self.method.convert(batch, self.target, generator)
        if not isinstance(converted, Batch) or converted.clips.shape != batch.clips.shape:
            found = tuple(converted.clips.shape) if isinstance(converted, Batch) else converted
            raise ContractError(
                f"method {self.name!r} converted {tuple(batch.clips.shape)} to {found!s:.80}",
                fix="return dataclasses.replace(batch, ...) with clips of the same shape",
            )
        if not bool(torch.isfinite(converted.clips).all()):
            raise RunError(
                f"method {self.name!r} converted clips to NaN or infinity (target {self.target})",
                fix="look for a division by zero or a diverged network in its convert",
                state="nan",
            )
        return self.seen(converted)

    def seen(self, batch: Batch) -> torch.Tensor:
        """Return what the front end makes of a batch: [batch, 1, bin, frame] dB."""
        clips = batch.clips
        seen: torch.Tensor = self.frontend(clips) if self.is_waveform else clips
        return seen.float()


def _convert_all(
    job: ConvertJob,
    methods: Mapping[str, Method],
    here: Path,
    frontend: torch.nn.Module,
    channel: Channel,
) -> None:
    sound = _Sound(job, here, frontend) if job.form == "sound" else None
    name = job.fit.model.method.reference().name
    bin_hz: torch.Tensor = frontend.get_buffer("bin_hz")
    for done, target in enumerate(job.targets):
        converter = _Converter(
            method=methods[target],
            name=name,
            target=target,
            frontend=frontend,
            bin_hz=bin_hz,
            is_waveform=job.fit.model.acts_on == "waveform",
            seed=seed_for(job.fit.model.seed, "convert", name, target),
        )

        def report(part: float, before: int = done) -> None:
            channel.send({"event": "progress", "done": before + part})

        folder = here / "converted" / target
        if sound is not None:
            sound.convert(converter, folder, report)
        else:
            _convert_clips(job, converter, here, folder, report)


def _convert_clips(
    job: ConvertJob,
    converter: _Converter,
    here: Path,
    folder: Path,
    report: Callable[[float], None],
) -> None:
    """Convert whole clips, in batches of clips of one length."""
    clips = StagedClips.load(here / job.clips, crop=1, bin_hz=converter.bin_hz)
    hop = job.fit.model.features.hop_samples if converter.is_waveform else 1
    found: dict[int, Frames] = {}
    lengths = torch.tensor(clips.lengths, device=converter.bin_hz.device)
    for length in torch.unique(lengths).tolist():
        rows = torch.nonzero(lengths == length)[:, 0]
        for part in torch.split(rows, max(1, FRAMES_PER_BATCH * hop // length)):
            starts = torch.zeros_like(part)
            frames = converter.convert(clips.crops(part, starts, length))  # [batch, 1, bin, frame]
            for row, values in zip(part.tolist(), frames, strict=True):
                found[row] = values[0].T.contiguous().cpu().numpy()
            report(len(found) / len(clips))
    save_clips(folder, [found[row] for row in range(len(clips))], None)


class _Sound:
    """Waveforms of any length, as spectrograms that are converted window by window."""

    def __init__(self, job: ConvertJob, here: Path, frontend: torch.nn.Module) -> None:
        folder = here / job.clips
        self.waveforms = np.load(folder / "data.npy", mmap_mode="r", allow_pickle=False)
        self.index = np.load(folder / "index.npy", allow_pickle=False)
        self.features = job.fit.model.features
        self.crop = job.fit.budget.crop_frames
        self.frontend = frontend
        self.bin_hz = frontend.get_buffer("bin_hz")
        lengths = [int(n) // self.features.hop_samples + 1 for _, n in self.index]
        self.starts = [sum(lengths[:row]) for row in range(len(lengths))]
        self.lengths = lengths
        self.input_db = self._new(here / "input")
        for row in range(len(lengths)):
            self._analyse(row)

    def _new(self, folder: Path) -> Frames:
        """Return a new array on disk for the frames of all waveforms: [frame, bin]."""
        folder.mkdir(parents=True)
        np.save(folder / "index.npy", np.array([self.starts, self.lengths], np.int64).T)
        shape = (sum(self.lengths), len(self.bin_hz))
        return reserve(folder / "data.npy", shape)

    def _waveform(self, row: int) -> NDArray[np.float32]:
        start, length = (int(value) for value in self.index[row])
        waveform: NDArray[np.float32] = self.waveforms[start : start + length]
        return waveform

    def _analyse(self, row: int) -> None:
        """Compute the spectrogram of one waveform in pieces that equal the whole."""
        waveform, hop = self._waveform(row), self.features.hop_samples
        margin = self.features.n_fft // (2 * hop) + 1  # frames whose windows reach over an edge
        for first in range(0, self.lengths[row], FRAMES_PER_PIECE):
            last = min(first + FRAMES_PER_PIECE, self.lengths[row])
            low = max(0, first - margin)
            piece = torch.from_numpy(np.array(waveform[low * hop : (last + margin) * hop]))
            with torch.no_grad():
                seen = self.frontend(piece[None].to(self.bin_hz.device))  # [1, 1, bin, frame]
            if not bool(torch.isfinite(seen).all()):
                raise ContractError(
                    "the front end returned NaN or infinity",
                    fix="floor the power before the logarithm",
                )
            frames = seen[0, 0, :, first - low : last - low].T.cpu().numpy()
            start = self.starts[row]
            self.input_db[start + first : start + last] = frames

    def convert(self, converter: _Converter, folder: Path, report: Callable[[float], None]) -> None:
        """Write the converted spectrogram of every waveform."""
        converted_db = self._new(folder)
        converted_db[:] = 0.0
        for row, length in enumerate(self.lengths):
            here = slice(self.starts[row], self.starts[row] + length)
            input_db, change_db = self.input_db[here], converted_db[here]  # views of the disk
            weights = np.zeros(length, np.float32)
            windows, size = self._windows(length)
            fade = self._fade(size)
            for number, start in enumerate(windows):
                values = self._change(converter, row, start, size)
                n_frames = min(size, length - start)
                stop = start + n_frames
                change_db[start:stop] += fade[:n_frames, None] * values[:n_frames]
                weights[start:stop] += fade[:n_frames]
                report((row + (number + 1) / len(windows)) / len(self.lengths))
            for first in range(0, length, FRAMES_PER_PIECE):
                part = slice(first, first + FRAMES_PER_PIECE)
                change_db[part] = input_db[part] + change_db[part] / weights[part, None]

    def _windows(self, length: int) -> tuple[list[int], int]:
        """Return the first frame of every window and their size; a short sound is one window.

        Windows stand evenly, so that they overlap by OVERLAP_CROPS or more.
        """
        size = WINDOW_CROPS * self.crop
        if length <= size:
            return [0], max(length, self.crop)
        steps = math.ceil((length - size) / (size - round(OVERLAP_CROPS * self.crop)))
        return [number * (length - size) // steps for number in range(steps + 1)], size

    def _fade(self, size: int) -> NDArray[np.float32]:
        """Return the weights of a window: they rise and fall over the overlap, and stay above 0."""
        ramp = round(OVERLAP_CROPS * self.crop) + 1
        steps = np.arange(1, size + 1)
        return np.minimum(1.0, np.minimum(steps, steps[::-1]) / ramp).astype(np.float32)

    def _change(self, converter: _Converter, row: int, start: int, size: int) -> Frames:
        """Return converted minus input of one window: [frame, bin]; a short sound is repeated."""
        if converter.is_waveform:
            hop = self.features.hop_samples
            waveform = self._waveform(row)
            steps = np.arange(start * hop, (start + size - 1) * hop) % len(waveform)
            clips = torch.from_numpy(waveform[steps])[None].to(self.bin_hz.device)
            batch = Batch(target=clips[:, :0], bin_hz=self.bin_hz, waveform=clips)
        else:
            rows = self.starts[row] + np.arange(start, start + size) % self.lengths[row]
            frames = torch.from_numpy(self.input_db[rows]).to(self.bin_hz.device)
            clips = frames.T.contiguous()[None, None]  # [1, 1, bin, frame]
            batch = Batch(target=clips[:, 0, 0, :0], bin_hz=self.bin_hz, spectrogram_db=clips)
        change_db = converter.convert(batch) - converter.seen(batch)
        change: Frames = change_db[0, 0].T.cpu().numpy()
        return change
