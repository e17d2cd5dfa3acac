"""What a method plugin is: a small class and the spec that offers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from devbench.contract.access import Access
from devbench.contract.names import require_name
from devbench.contract.scales import SCALES, Scale
from devbench.errors import ContractError

if TYPE_CHECKING:
    import torch
    from torch import nn

    from devbench.contract.batch import Batch
    from devbench.contract.side import LabelledView, SideInformation, UnlabelledView

API_VERSION = 1


class Method:
    """What is done to survive unknown devices; override what the method needs, leave the rest.

    Every random draw comes from the generator that is passed in. A method never changes a batch
    in place: it returns a new one (`dataclasses.replace`).
    """

    def fit(self, train: LabelledView, side: SideInformation, generator: torch.Generator) -> None:
        """Learn, once before training, what `augment` needs: a converter, a mean spectrum."""

    def augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return a changed training batch of the same shape; never called on val or test clips."""
        return batch

    def convert(self, batch: Batch, target: str, generator: torch.Generator) -> Batch:
        """Return source clips as the target device would have recorded them; for converters only.

        Used by `devbench converter evaluate` and `devbench convert`, never in training.
        """
        raise ContractError(
            "this method converts no clips",
            fix="ask for one that does, such as umc-real; devbench ls methods",
        )

    def layers(self, stages: Mapping[str, tuple[int, int, int]]) -> Mapping[str, nn.Module]:
        """Return modules to put behind named backbone stages, active in training and in use.

        stages: name -> (channel, bin, frame) of what leaves that stage for an 80-frame crop.
        """
        return {}

    def adapt(
        self, model: nn.Module, clips: UnlabelledView, generator: torch.Generator
    ) -> nn.Module:
        """Return a model adapted to the test clips of one device (needs TEST_TIME)."""
        return model


@dataclass(frozen=True, slots=True)
class MethodSpec:
    """How a method is offered.

    name: public name. build: the Method class (or a function); its typed keyword arguments are
    the options. needs: side information. acts_on: what `augment` receives. scales: of front ends
    it may be used with; None = decibels, or all where it acts on waveforms. per_target: one
    classifier per target device. reference: paper and section. licence: of the idea's code.
    """

    name: str
    build: Callable[..., Method]
    needs: frozenset[Access] = frozenset()
    acts_on: Literal["waveform", "spectrogram"] = "spectrogram"
    scales: frozenset[Scale] | None = None
    per_target: bool = False
    version: int = 1
    reference: str = ""
    licence: str = ""
    api: int = API_VERSION

    def __post_init__(self) -> None:
        require_name("method", self.name)
        object.__setattr__(self, "needs", frozenset(Access(need) for need in self.needs))
        if self.acts_on not in ("waveform", "spectrogram"):
            raise ContractError(
                f"method {self.name!r}: acts_on is {self.acts_on!r}",
                fix="use 'waveform' or 'spectrogram'",
            )
        if self.scales is not None:
            object.__setattr__(self, "scales", frozenset(self.scales))
            for scale in sorted(self.scales - set(SCALES)):
                raise ContractError(
                    f"method {self.name!r}: no scale {scale!r}", fix=f"use {', '.join(SCALES)}"
                )
