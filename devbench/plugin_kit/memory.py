"""Devices, clips and side information in memory: what a plugin is tried with, without a corpus."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch

from devbench.benchmark.seeds import seed_for
from devbench.contract.access import Access
from devbench.contract.artifact import Artifact
from devbench.contract.batch import Batch
from devbench.contract.method import MethodSpec
from devbench.contract.side import ArtifactRequest, SideInformation
from devbench.contract.values import FrequencyResponse
from devbench.files import canonical_json, parse_json

N_CLASSES = 3
N_BINS = 40
RATE_HZ = 22_050
DEVICES = ("phone", "watch", "laptop")
"""The first is the source."""


def bin_centres_hz(n_bins: int = N_BINS) -> torch.Tensor:
    """Return bin centres equally spaced in log frequency: [bin]."""
    return torch.logspace(np.log10(50), np.log10(10_000), n_bins)


@dataclass(frozen=True)
class MemoryView:
    """Clips of one device: groups of clips of one length.

    groups: each [clip, 1, bin, frame], or [clip, sample] of waveforms. targets: one [clip, class]
    per group; [clip, 0] for an UnlabelledView.
    """

    groups: Sequence[torch.Tensor]
    targets: Sequence[torch.Tensor]
    bin_hz: torch.Tensor
    crop_frames: int = 20

    def __len__(self) -> int:
        return sum(len(group) for group in self.groups)

    def __iter__(self) -> Iterator[Batch]:
        for group, target in zip(self.groups, self.targets, strict=True):
            yield self._batch(group, target)

    def sample(self, n_clips: int, generator: torch.Generator) -> Batch:
        """Return random crops of random clips, drawn with replacement."""
        where = [(g, c) for g, group in enumerate(self.groups) for c in range(len(group))]
        crops, targets = [], []
        for _ in range(n_clips):
            group, clip = where[_draw(len(where), generator)]
            frames = self.groups[group].shape[-1]
            start = _draw(frames - self.crop_frames + 1, generator)
            crops.append(self.groups[group][clip, ..., start : start + self.crop_frames])
            targets.append(self.targets[group][clip])
        return self._batch(torch.stack(crops), torch.stack(targets))

    def _batch(self, clips: torch.Tensor, target: torch.Tensor) -> Batch:
        if clips.ndim == 2:
            return Batch(target=target, bin_hz=self.bin_hz, waveform=clips)
        return Batch(target=target, bin_hz=self.bin_hz, spectrogram_db=clips)


def _draw(n_choices: int, generator: torch.Generator) -> int:
    return int(torch.randint(n_choices, (), generator=generator, device=generator.device))


def tilt_response(slope_db: float) -> FrequencyResponse:
    """Return a response that rises by slope_db per decade, 0 dB at 1 kHz."""
    freq_hz = np.geomspace(50, 10_000, 64)
    return FrequencyResponse(freq_hz=freq_hz, gain_db=slope_db * np.log10(freq_hz / 1000))


def tilts() -> dict[str, FrequencyResponse]:
    """Return a response of each device, the source's flat."""
    return {name: tilt_response(6.0 * place) for place, name in enumerate(DEVICES)}


def clips_of(device: str, *, seed: int = 0, n_clips: int = 12) -> list[torch.Tensor]:
    """Return two groups of dB clips of different lengths, as this device would hear them."""
    place = DEVICES.index(device)
    generator = torch.Generator().manual_seed(100 * seed + place)
    level_db = torch.linspace(-40, -60 - 10 * place, N_BINS)[None, None, :, None]
    spread_db = (12 - 3 * place) * torch.linspace(1.0, 0.5, N_BINS)[None, None, :, None]
    return [
        level_db + spread_db * torch.randn(n_clips // 2, 1, N_BINS, frames, generator=generator)
        for frames in (24, 40)
    ]


def one_hot(n_clips: int, seed: int = 0) -> torch.Tensor:
    """Return random targets: [clip, class]."""
    generator = torch.Generator().manual_seed(seed)
    return torch.eye(N_CLASSES)[torch.randint(N_CLASSES, (n_clips,), generator=generator)]


def labelled_view(device: str, *, seed: int = 0) -> MemoryView:
    """Return labelled clips of a device."""
    groups = clips_of(device, seed=seed)
    return MemoryView(groups, [one_hot(len(g), seed) for g in groups], bin_centres_hz())


def unlabelled_view(device: str, *, seed: int = 1) -> MemoryView:
    """Return unlabelled clips of a device."""
    groups = clips_of(device, seed=seed)
    return MemoryView(groups, [torch.zeros(len(g), 0) for g in groups], bin_centres_hz())


def waveform_view(
    device: str, *, n_clips: int = 12, n_samples: int = 8192, labelled: bool = False
) -> MemoryView:
    """Return noise of a device; each device is duller than the one before."""
    place = DEVICES.index(device)
    x = torch.randn(n_clips, n_samples, generator=torch.Generator().manual_seed(place))
    for _ in range(place):
        x = 0.5 * (x + x.roll(1, dims=1))
    targets = one_hot(n_clips) if labelled else torch.zeros(n_clips, 0)
    return MemoryView([0.1 * x], [targets], bin_centres_hz(), n_samples)


def view_for(spec: MethodSpec, device: str) -> MemoryView:
    """Return unlabelled clips of a device as the method's augment takes them."""
    return waveform_view(device) if spec.acts_on == "waveform" else unlabelled_view(device)


def labelled_for(spec: MethodSpec, device: str) -> MemoryView:
    """Return labelled clips of a device as the method's augment takes them."""
    is_waveform = spec.acts_on == "waveform"
    return waveform_view(device, labelled=True) if is_waveform else labelled_view(device)


def side_of(
    spec: MethodSpec,
    *,
    responses: Mapping[str, FrequencyResponse] | None = None,
    artifact: Callable[[ArtifactRequest], Artifact] | None = None,
) -> SideInformation:
    """Return side information that holds everything and shows what the spec declares."""
    return SideInformation(
        method=spec.name,
        needs=spec.needs,
        source=DEVICES[0],
        targets=DEVICES[1:2] if spec.per_target else DEVICES[1:],
        devices=DEVICES,
        _artifact=artifact,
        _responses=tilts() if responses is None else responses,
        _unpaired={name: view_for(spec, name) for name in DEVICES},
        _labelled={name: labelled_for(spec, name) for name in DEVICES},
    )


def batch_of(n_clips: int = 16, *, n_frames: int = 20, seed: int = 7) -> Batch:
    """Return a labelled training batch of the source device."""
    generator = torch.Generator().manual_seed(seed)
    level_db = torch.linspace(-40, -60, N_BINS)[None, None, :, None]
    x_db = level_db + 12 * torch.randn(n_clips, 1, N_BINS, n_frames, generator=generator)
    return Batch(target=one_hot(n_clips, seed), bin_hz=bin_centres_hz(), spectrogram_db=x_db)


def waveform_batch_of(n_clips: int = 16, *, n_samples: int = 8192, seed: int = 7) -> Batch:
    """Return a labelled training batch of noisy tones of random pitch and level."""
    generator = torch.Generator().manual_seed(seed)
    pitch_hz = 200 * 16 ** torch.rand(n_clips, 1, generator=generator)
    level = 10 ** (-1.5 * torch.rand(n_clips, 1, generator=generator))
    time_s = torch.arange(n_samples) / RATE_HZ
    x = (2 * np.pi * pitch_hz * time_s).sin() * (-3 * time_s).exp()
    x = 0.5 * level * (x + 0.05 * torch.randn(n_clips, n_samples, generator=generator))
    return Batch(target=one_hot(n_clips, seed), bin_hz=bin_centres_hz(), waveform=x)


def batch_for(spec: MethodSpec, n_clips: int = 16) -> Batch:
    """Return a labelled training batch as the method's augment takes it."""
    return waveform_batch_of(n_clips) if spec.acts_on == "waveform" else batch_of(n_clips)


def silence_for(spec: MethodSpec, n_clips: int = 4) -> Batch:
    """Return a batch without any sound: samples of 0, or the floor of -100 dB."""
    batch = batch_for(spec, n_clips)
    batch.clips.fill_(0.0 if spec.acts_on == "waveform" else -100.0)
    return batch


class TooLong(Exception):
    """A build would take longer than it may. words: how far it was."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


@dataclass
class MemoryWorkshop:
    """A workshop of the in-memory devices; keeps its last checkpoint and what it is told.

    needs: what the method declares; None: everything is shown. longest_s: raise TooLong from
    `report` once the build has gone on for so long and is not near its end.
    """

    devices: tuple[str, ...] = tuple(sorted(DEVICES))
    seed: int = 0
    crop_frames: int = 20
    torch_device: str = "cpu"
    precision: Literal["fp32", "bf16"] = "fp32"
    bin_hz: torch.Tensor = field(default_factory=bin_centres_hz)
    reports: list[tuple[int, int, dict[str, float]]] = field(default_factory=list)
    kept: Any = None
    acts_on: str = "spectrogram"
    needs: frozenset[Access] | None = None
    longest_s: float = float("inf")
    started_s: float = field(default_factory=time.perf_counter)

    @property
    def frequency_responses(self) -> Mapping[str, FrequencyResponse]:
        """Return the response of each device."""
        if self.needs is not None:
            return self._side().frequency_responses
        return {name: tilts()[name] for name in self.devices}

    @property
    def unpaired(self) -> Mapping[str, Any]:
        """Return unlabelled clips of each device."""
        if self.needs is not None:
            return self._side().unpaired
        return self._views()

    def _views(self) -> dict[str, MemoryView]:
        view = waveform_view if self.acts_on == "waveform" else unlabelled_view
        return {name: view(name) for name in self.devices}

    def _side(self) -> SideInformation:
        assert self.needs is not None
        return SideInformation(
            method="the build",
            needs=self.needs,
            source="",
            targets=(),
            devices=self.devices,
            _responses={name: tilts()[name] for name in self.devices},
            _unpaired=self._views(),
        )

    def generator(self, *purpose: str | int) -> torch.Generator:
        """Return a generator for a purpose."""
        return torch.Generator().manual_seed(seed_for(self.seed, *purpose))

    def resume(self) -> Any:
        """Return the last checkpoint."""
        return self.kept

    def checkpoint(
        self, step: int, tensors: Mapping[str, torch.Tensor], state: Mapping[str, Any]
    ) -> None:
        """Keep a checkpoint as a file would."""
        copies = {name: tensor.detach().clone() for name, tensor in tensors.items()}
        self.kept = (step, copies, parse_json(canonical_json(dict(state)), origin="state"))

    def report(self, step: int, n_steps: int, losses: Mapping[str, float]) -> None:
        """Write down what the build tells."""
        self.reports.append((step, n_steps, dict(losses)))
        spent_s = time.perf_counter() - self.started_s
        if spent_s > self.longest_s and spent_s * n_steps > 2 * self.longest_s * max(1, step):
            raise TooLong(f"it was at step {step} of {n_steps} after {spent_s:.0f} s")
