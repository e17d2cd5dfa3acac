"""Modules, optimisers and buffers as flat named tensors: what a checkpoint of a training holds."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from .buffer import ImageBuffer


def placed(module: nn.Module, device: torch.device) -> None:
    """Move a network to where it is trained, its weights in the order of the fastest kernels.

    With channels last a GPU needs no transposition for bf16 products; a CPU takes longer.
    """
    module.to(device)
    if device.type == "cuda":
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def flat(
    modules: Mapping[str, nn.Module],
    optimisers: Mapping[str, torch.optim.Optimizer],
    buffers: Mapping[str, ImageBuffer],
) -> dict[str, torch.Tensor]:
    """Return everything that changes in a step."""
    tensors: dict[str, torch.Tensor] = {}
    for name, module in modules.items():
        tensors |= {f"module.{name}.{key}": value for key, value in module.state_dict().items()}
    for name, optimiser in optimisers.items():
        for index, state in optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{name}.{index}.{key}": item for key, item in state.items()}
    for name, buffer in buffers.items():
        if len(buffer.images):
            tensors[f"buffer.{name}"] = buffer.images
    return tensors


def restore(
    tensors: Mapping[str, torch.Tensor],
    modules: Mapping[str, nn.Module],
    optimisers: Mapping[str, torch.optim.Optimizer],
    buffers: Mapping[str, ImageBuffer],
    device: torch.device,
) -> None:
    """Put what `flat` returned back."""

    def below(prefix: str) -> dict[str, torch.Tensor]:
        return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

    for name, module in modules.items():
        module.load_state_dict(below(f"module.{name}."))
    for name, optimiser in optimisers.items():
        states: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in below(f"optimiser.{name}.").items():
            index, _, what = key.partition(".")
            states.setdefault(int(index), {})[what] = value
        groups = optimiser.state_dict()["param_groups"]
        optimiser.load_state_dict({"state": states, "param_groups": groups})
    for name, buffer in buffers.items():
        if f"buffer.{name}" in tensors:
            buffer.images = tensors[f"buffer.{name}"].to(device)
