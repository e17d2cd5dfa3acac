"""What backbone, front end and corpus plugins offer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from devbench.contract.method import API_VERSION
from devbench.contract.names import require_name

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True)
class BackboneSpec:
    """A classifier network.

    build(n_classes=..., n_bins=..., **options) returns a module that maps spectrograms
    [batch, 1, bin, frame] (normalised) of any number of frames to logits [batch, class].
    stages: names of its submodules, in order of computation, behind which a method may put layers.
    """

    name: str
    build: Callable[..., nn.Module]
    stages: tuple[str, ...] = ()
    version: int = 1
    reference: str = ""
    licence: str = ""
    api: int = API_VERSION

    def __post_init__(self) -> None:
        require_name("backbone", self.name)


@dataclass(frozen=True, slots=True)
class FrontendSpec:
    """A front end.

    build(features) takes a FeatureSpec and returns a module that maps waveforms [batch, sample]
    (full scale ±1) to [batch, 1, bin, frame] in dB and has the buffer `bin_hz` [bin].
    """

    name: str
    build: Callable[..., nn.Module]
    version: int = 1
    reference: str = ""
    licence: str = ""
    api: int = API_VERSION

    def __post_init__(self) -> None:
        require_name("frontend", self.name)


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
