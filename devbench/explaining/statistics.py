"""Statistics of activations along one dimension (UMC, arXiv 2410.18322, section 3.2)."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from devbench.explaining.documents import Kind

MAX_PLACES = 512
"""Places along an axis; longer ones, such as samples, are cut into so many equal pieces."""
AXES: Mapping[Kind, int] = {"channel": 1, "frequency": 2, "time": 3}


def dimension_statistics(activation: torch.Tensor) -> dict[Kind, torch.Tensor]:
    """Return mean and deviation over the two other axes, at each place of one axis.

    activation: [clip, channel, bin, frame]. Each result is [clip, 2 * place]: means, then
    deviations (population). An axis of bins or frames with a single place is left out: nothing is
    told apart along it.
    """
    found: dict[Kind, torch.Tensor] = {}
    x = activation.detach().float()
    for kind, axis in AXES.items():
        n_places = x.shape[axis]
        if n_places == 1 and kind != "channel":
            continue
        places = x.movedim(axis, 1).flatten(2)  # [clip, place, other]
        if n_places > MAX_PLACES:
            pieces = torch.tensor_split(places, MAX_PLACES, dim=1)
            parts = [piece.flatten(1) for piece in pieces]  # [clip, place in piece * other]
            mean = torch.stack([part.mean(dim=1) for part in parts], dim=1)
            deviation = torch.stack([part.std(dim=1, correction=0) for part in parts], dim=1)
        else:
            mean = places.mean(dim=2)
            deviation = places.std(dim=2, correction=0)
        found[kind] = torch.cat([mean, deviation], dim=1)
    return found


def tokens_as_places(activation: torch.Tensor) -> torch.Tensor:
    """Return tokens [clip, token, channel] as an activation whose only other axis is time."""
    return activation.transpose(1, 2).unsqueeze(2)  # [clip, channel, 1, token]
