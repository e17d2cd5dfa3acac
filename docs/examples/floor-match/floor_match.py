"""Floor match: training clips get the noise floor of a random target device.

The floor of a device is a low quantile of the power in each bin, over its unlabelled clips: what is
left when nothing sounds. Noise that is missing up to the target's floor is added as power, drawn
anew for every bin and frame, as the periodogram of Gaussian noise is: exponentially distributed.
"""

from __future__ import annotations

import dataclasses

import torch

from devbench import (
    Access,
    Batch,
    ContractError,
    LabelledView,
    Method,
    MethodSpec,
    SideInformation,
    UnlabelledView,
    hookimpl,
)

LEAST_POWER = 1e-12
"""-120 dB: below every floor of a benchmark; keeps the logarithm finite."""


class FloorMatch(Method):
    """Raise the floor of each clip to that of a random target device, where that is higher.

    Args:
        quantile: 0.01 to 0.5, of the power over time that counts as floor.
        probability: 0 to 1, that a clip is changed; the source's own floor stays in play.
    """

    def __init__(self, quantile: float = 0.1, probability: float = 0.8) -> None:
        if not 0.01 <= quantile <= 0.5:
            raise ContractError(f"quantile is {quantile}", fix="choose 0.01 to 0.5")
        if not 0 <= probability <= 1:
            raise ContractError(f"probability is {probability}", fix="choose 0 to 1")
        self.quantile = quantile
        self.probability = probability

    def fit(self, train: LabelledView, side: SideInformation, generator: torch.Generator) -> None:
        """Measure the floor of every device; keep the power that the source lacks to each target.

        The unlabelled clips are read because needs declares it. Without that, side.unpaired raises
        AccessError, and the files of the clips are not there either.
        """
        own = self.floor_of(side.unpaired[side.source])
        floors = [self.floor_of(side.unpaired[target]) for target in side.targets]
        # Not in __init__: options are asked for without torch, and building must not wait for it.
        self.missing = torch.stack([(floor - own).clamp(min=0) for floor in floors])

    def floor_of(self, clips: UnlabelledView) -> torch.Tensor:
        """Return the mean over clips of a low quantile of the power over time: [bin]."""
        floors = []
        for batch in clips:  # clips of one length each
            power = 10 ** (batch.spectrogram_db / 10)  # [batch, 1, bin, frame]
            floors.append(power.quantile(self.quantile, dim=3)[:, 0])  # [batch, bin]
        return torch.cat(floors).mean(dim=0)

    def augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return the batch over the noise of other devices; labels stay.

        All draws are made on the CPU, where the generator lives, and moved to the clips: the same
        seed gives the same batch on every device.
        """
        x_db = batch.spectrogram_db
        n_clips = len(batch)
        target = torch.randint(len(self.missing), (n_clips,), generator=generator)
        is_changed = torch.rand(n_clips, generator=generator) < self.probability
        uniform = torch.rand(x_db.shape, generator=generator)
        noise = -torch.log1p(-uniform)  # exponential with mean 1: [batch, 1, bin, frame]
        level = self.missing.to(target.device)[target] * is_changed[:, None]  # [batch, bin]
        added = (level[:, None, :, None] * noise).to(x_db)
        louder_db = 10 * torch.log10(10 ** (x_db / 10) + added + LEAST_POWER)
        # Where nothing is added, the clip stays to the last bit: no way there and back through dB.
        return dataclasses.replace(
            batch, spectrogram_db=torch.where(added > 0, louder_db, x_db).to(x_db.dtype)
        )


@hookimpl
def devbench_method() -> MethodSpec:
    """Offer the method; its rows stand in the track unpaired-target."""
    return MethodSpec(
        name="floor-match",
        build=FloorMatch,
        needs=frozenset({Access.UNPAIRED_TARGET}),
        scales=frozenset({"db"}),  # powers add up; other scales have none
        reference="an example of the plugin contract",
        licence="MIT",
    )
