"""Artifacts: what is expensive to learn, is learned once, and is shared by all runs that ask.

A method asks in `fit`: `side.artifact(name, config, build)`. `build` runs in a process of its own
that holds declared side information of the named devices and nothing else: no labelled clip, no
source. The result is found again by the fingerprint of that information, the configuration, the
seed and the code of `build`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import torch

    from devbench.contract.side import UnlabelledView
    from devbench.contract.values import FrequencyResponse


@dataclass(frozen=True, slots=True, eq=False)
class Artifact:
    """Named tensors on the CPU, and what `build` said of them.

    key: what it was made from; sha256: of the tensors' file. origin: built here, added from
    elsewhere, or shipped with the plugin.
    """

    tensors: Mapping[str, torch.Tensor]
    facts: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""
    sha256: str = ""
    origin: Literal["built", "added", "shipped"] = "built"


class Workshop(Protocol):
    """What `build` works with. All draws come from `generator`, so that a resumed build is equal.

    devices: sorted ids of the devices whose information is here. bin_hz: [bin] float32 on the CPU.
    crop_frames: frames of a training crop (`unpaired[device].sample` returns such crops).
    torch_device: "cpu" or "cuda"; samples lie there. precision: what autocast should use.
    """

    devices: tuple[str, ...]
    bin_hz: torch.Tensor
    crop_frames: int
    torch_device: str
    precision: Literal["fp32", "bf16"]

    @property
    def frequency_responses(self) -> Mapping[str, FrequencyResponse]:
        """Return measured responses by device id (needs DEVICE_FR)."""
        ...

    @property
    def unpaired(self) -> Mapping[str, UnlabelledView]:
        """Return unlabelled `convert` clips by device id (needs UNPAIRED_TARGET)."""
        ...

    def generator(self, *purpose: str | int) -> torch.Generator:
        """Return a CPU generator seeded by the artifact's seed and purpose, such as ("step", 7)."""
        ...

    def resume(self) -> tuple[int, dict[str, torch.Tensor], dict[str, Any]] | None:
        """Return (step, tensors, state) of the newest whole checkpoint, or None at the start."""
        ...

    def checkpoint(
        self, step: int, tensors: Mapping[str, torch.Tensor], state: Mapping[str, Any]
    ) -> None:
        """Keep what is needed to go on after step; state: JSON values."""
        ...

    def report(self, step: int, n_steps: int, losses: Mapping[str, float]) -> None:
        """Tell how far the build is and its losses; a loss that is no number ends the build."""
        ...


Build = Callable[[Workshop, Mapping[str, Any]], Artifact]
"""Make an artifact from a workshop and a configuration: a function at the top of a module."""
