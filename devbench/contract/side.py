"""What a method sees in `fit`: the views of its data and the side information it declared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol

from devbench.contract.access import Access, track_of
from devbench.contract.names import require_name
from devbench.contract.values import FeatureSpec
from devbench.errors import AccessError, ContractError

if TYPE_CHECKING:
    import torch

    from devbench.contract.artifact import Artifact, Build
    from devbench.contract.batch import Batch
    from devbench.contract.values import FrequencyResponse


class ClipView(Protocol):
    """Clips of one device, seen only as batches: no paths, no ids, no way back to the corpus."""

    def __len__(self) -> int:
        """Return the number of clips."""
        ...

    def __iter__(self) -> Iterator[Batch]:
        """Yield every clip once, whole, in a fixed order, in batches of clips of one length."""
        ...

    def sample(self, n_clips: int, generator: torch.Generator) -> Batch:
        """Return random crops of n_clips random clips, drawn with replacement from generator."""
        ...


class LabelledView(ClipView, Protocol):
    """A ClipView whose batches carry targets: labelled clips of one device."""


class UnlabelledView(ClipView, Protocol):
    """A ClipView whose batches carry targets of shape [batch, 0]."""


@dataclass(frozen=True, slots=True)
class ArtifactRequest:
    """One artifact that a method asks for; equal requests on equal information share one answer.

    config: JSON values. devices: whose information it may be made from, sorted.
    """

    name: str
    config: Mapping[str, Any]
    build: Build
    devices: tuple[str, ...]
    seed: int
    use_shipped: bool


@dataclass(frozen=True, slots=True)
class SideInformation:
    """What a method may use beside labelled source clips; reading the undeclared is an error.

    source: id of the source device. targets: ids of the devices this classifier is made for
    (one id when the method is `per_target`). devices: every device of the benchmark, in its order.
    budget: name of the run's budget; precision: what autocast should use; features: how waveforms
    become spectrograms, sample rate included.
    """

    method: str
    needs: frozenset[Access]
    source: str
    targets: tuple[str, ...]
    devices: tuple[str, ...] = ()
    budget: str = "quick"
    precision: Literal["fp32", "bf16"] = "fp32"
    features: FeatureSpec = field(default_factory=FeatureSpec)
    _responses: Mapping[str, FrequencyResponse] = field(default_factory=dict, repr=False)
    _unpaired: Mapping[str, UnlabelledView] = field(default_factory=dict, repr=False)
    _labelled: Mapping[str, LabelledView] = field(default_factory=dict, repr=False)
    _artifact: Callable[[ArtifactRequest], Artifact] | None = field(default=None, repr=False)

    def _require(self, access: Access, words: str) -> None:
        if access not in self.needs:
            track = track_of(self.needs | {access})
            raise AccessError(
                f"method {self.method!r} reads {words} but does not declare it",
                fix=f"add Access.{access.name} to needs; the run then moves to track {track!r}",
            )

    @property
    def frequency_responses(self) -> Mapping[str, FrequencyResponse]:
        """Return measured responses by device id, source included (needs DEVICE_FR)."""
        self._require(Access.DEVICE_FR, "frequency responses of target devices")
        return MappingProxyType(dict(self._responses))

    @property
    def unpaired(self) -> Mapping[str, UnlabelledView]:
        """Return unlabelled `convert` clips by device, source included (needs UNPAIRED_TARGET)."""
        self._require(Access.UNPAIRED_TARGET, "unlabelled clips of target devices")
        return MappingProxyType(dict(self._unpaired))

    @property
    def labelled(self) -> Mapping[str, LabelledView]:
        """Return labelled `train` clips by device id, source included (needs TARGET_LABELS)."""
        self._require(Access.TARGET_LABELS, "labelled clips of target devices")
        return MappingProxyType(dict(self._labelled))

    def artifact(
        self,
        name: str,
        config: Mapping[str, Any],
        build: Build,
        *,
        devices: Sequence[str] | None = None,
        seed: int = 0,
        use_shipped: bool = True,
    ) -> Artifact:
        """Return what build made from declared side information; it is built at most once.

        name: short slug. config: JSON values, all that build depends on. build: a function at the
        top of a module. devices: whose information it may see; None = every device of the
        benchmark. seed: of its draws; leave it, and all classifier seeds share one artifact.
        use_shipped: take one that the plugin's distribution ships, if it fits.
        """
        require_name("artifact", name)
        if self._artifact is None:
            raise ContractError(
                f"method {self.method!r} asks for artifact {name!r} where none can be made",
                fix="call side.artifact in Method.fit",
            )
        chosen = self.devices if devices is None else devices
        strangers = sorted(set(chosen) - set(self.devices))
        if strangers or not chosen:
            raise ContractError(
                f"artifact {name!r}: devices {strangers or 'none'}, not of the benchmark",
                fix="choose from side.devices",
            )
        return self._artifact(
            ArtifactRequest(name, config, build, tuple(sorted(set(chosen))), seed, use_shipped)
        )
