"""Band-wise alignment: the bands of tested clips get mean and deviation of the training clips."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

LEAST_SD_DB = 1.0


class SourceBands(nn.Module):
    """Change nothing and carry the bands' mean and deviation in dB with the weights: [bin] each."""

    mean_db: torch.Tensor
    sd_db: torch.Tensor

    def __init__(self, mean_db: torch.Tensor, sd_db: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("mean_db", mean_db)
        self.register_buffer("sd_db", sd_db)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return x."""
        return x

    def _load_from_state_dict(self, state: dict[str, Any], prefix: str, *rest: Any) -> None:
        # Whoever builds the classifier to predict with does not know how many bands there are.
        for name in ("mean_db", "sd_db"):
            if prefix + name in state:
                setattr(self, name, torch.empty_like(state[prefix + name]))
        super()._load_from_state_dict(state, prefix, *rest)


class Aligned(nn.Module):
    """Move the bands of the input from one mean and deviation to another, then apply a model."""

    def __init__(
        self,
        model: nn.Module,
        own: tuple[torch.Tensor, torch.Tensor],
        source: tuple[torch.Tensor, torch.Tensor],
    ) -> None:
        super().__init__()
        self.model = model
        (own_mean, own_sd), (source_mean, source_sd) = own, source
        self.scale = (source_sd / own_sd.clamp(min=LEAST_SD_DB))[:, None]
        self.offset = source_mean[:, None] - own_mean[:, None] * self.scale

    def forward(self, x_db: torch.Tensor) -> torch.Tensor:
        """Return the logits [batch, class] of [batch, 1, bin, frame]."""
        logits: torch.Tensor = self.model(x_db * self.scale + self.offset)
        return logits
