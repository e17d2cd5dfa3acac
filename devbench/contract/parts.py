"""What backbone, front end and corpus plugins offer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from devbench.contract.method import API_VERSION
from devbench.contract.names import require_name
from devbench.contract.scales import SCALES, Scale
from devbench.errors import ContractError

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True, slots=True)
class BackboneSpec:
    """A classifier network.

    build(n_classes=..., n_bins=..., **options) returns a module that maps spectrograms
    [batch, 1, bin, frame] (normalised) of any number of frames to logits [batch, class].
    stages: names of its submodules, in order of computation, behind which a method may put layers.
    takes: 'waveform' for one that takes [batch, 1, 1, sample] of any number of samples instead.
    pretrain(side, **options) returns tensors by the names of the module's parameters and buffers,
    to start training from. It may ask side.artifact for what is learned from the unlabelled
    `convert` clips of the source device, and sees nothing else; the track stays the method's.
    """

    name: str
    build: Callable[..., nn.Module]
    stages: tuple[str, ...] = ()
    takes: Literal["spectrogram", "waveform"] = "spectrogram"
    pretrain: Callable[..., Mapping[str, torch.Tensor]] | None = None
    version: int = 1
    reference: str = ""
    licence: str = ""
    api: int = API_VERSION

    def __post_init__(self) -> None:
        require_name("backbone", self.name)
        if self.takes not in ("spectrogram", "waveform"):
            raise ContractError(
                f"backbone {self.name!r}: takes is {self.takes!r}",
                fix="use 'spectrogram' or 'waveform'",
            )


@dataclass(frozen=True, slots=True)
class FrontendSpec:
    """A front end.

    build(features, **options) takes a FeatureSpec and returns a module that maps waveforms
    [batch, sample] (full scale ±1) to [batch, 1, bin, frame] and has the buffer `bin_hz` [bin]:
    the centre of each bin above 0 Hz, or its number where bins are no frequencies.
    scale: what the values are. With 'db', 'cepstral' and 'compressed' they are computed once; with
    'learned' its parameters are trained with the classifier and kept with its weights.
    """

    name: str
    build: Callable[..., nn.Module]
    scale: Scale = "db"
    version: int = 1
    reference: str = ""
    licence: str = ""
    api: int = API_VERSION

    def __post_init__(self) -> None:
        require_name("frontend", self.name)
        if self.scale not in SCALES:
            raise ContractError(
                f"front end {self.name!r}: no scale {self.scale!r}", fix=f"use {', '.join(SCALES)}"
            )


@dataclass(frozen=True, slots=True)
class CorpusSpec:
    """A corpus that is made by code.

    build(folder, progress) writes a corpus folder (corpus.toml, manifest.csv, responses/, audio/);
    progress(done, total) may be called while it works. version: of the recipe; another version is
    another corpus and gets another folder.
    """

    name: str
    build: Callable[[Path, Callable[[int, int], None]], None]
    version: int = 1
    reference: str = ""
    licence: str = ""
    api: int = API_VERSION

    def __post_init__(self) -> None:
        require_name("corpus", self.name)
