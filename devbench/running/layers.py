"""Layers of a network that is being used: which there are, and statistics of what leaves them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from devbench.explaining.documents import Kind
from devbench.explaining.statistics import dimension_statistics, tokens_as_places

INPUT, OUTPUT, EMBEDDING = "input", "output", "embedding"
WEIGHTED = (nn.Linear, nn.Conv1d, nn.Conv2d)
NESTS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
Hook = tuple[str, nn.Module]


def units(network: nn.Module) -> list[Hook]:
    """Return the layers of a network by name: a weighted layer with the norm and activation behind.

    Sequences are opened, and so are modules that hold sequences; any other module of the author's
    own, such as a residual block, is one layer.
    """
    found: list[Hook] = []

    def visit(module: nn.Module, prefix: str) -> None:
        unit: Hook | None = None
        for name, child in module.named_children():
            place = f"{prefix}{name}"
            if _opens(child):
                found.extend([unit] if unit else [])
                unit = None
                visit(child, f"{place}.")
                if not isinstance(child, NESTS):
                    found.append((place, child))
            elif any(parameter.ndim > 1 for parameter in child.parameters()):  # no norm
                found.extend([unit] if unit else [])
                unit = (place, child)
                if not isinstance(module, nn.Sequential):
                    found.append(unit)
                    unit = None
            elif unit is not None:
                unit = (unit[0], child)
        found.extend([unit] if unit else [])

    visit(network, "")
    return found


def _opens(module: nn.Module) -> bool:
    return isinstance(module, NESTS) or any(isinstance(c, NESTS) for c in module.children())


class Recorder:
    """Statistics of what leaves layers, row by row. only: names of layers to keep; None: all."""

    def __init__(self, only: Sequence[str] | None = None) -> None:
        self.shapes: dict[str, tuple[int, int, int]] = {}
        self._only = only
        self._rows: dict[str, dict[Kind, list[torch.Tensor]]] = {}
        self._now: dict[str, list[dict[Kind, torch.Tensor]]] = {}
        self._last: torch.Tensor | None = None
        self._skipped: set[str] = set()

    def note(self, name: str, x: torch.Tensor) -> None:
        """Keep the statistics of an activation [clip, channel, bin, frame] or [clip, channel]."""
        if self._only is not None and name not in self._only:
            return
        if x.ndim == 2:
            found: dict[Kind, torch.Tensor] = {"channel": x.detach().float()}
            self.shapes.setdefault(name, (x.shape[1], 1, 1))
        else:
            found = dimension_statistics(x)
            self.shapes.setdefault(name, (x.shape[1], x.shape[2], x.shape[3]))
        self._now.setdefault(name, []).append({k: v.cpu() for k, v in found.items()})

    def end_batch(self, n_clips: int) -> None:
        """End one use of the network on n_clips clips.

        A layer that was not used once per clip is left out: its rows are no clips.
        """
        self._last = None
        for name, parts in self._now.items():
            if sum(len(part["channel"]) for part in parts) != n_clips:
                self._skipped.add(name)
                continue
            rows = self._rows.setdefault(name, {})
            for part in parts:
                for kind, values in part.items():
                    rows.setdefault(kind, []).append(values)
        self._now = {}

    def statistics(self, n_rows: int) -> Iterator[tuple[str, dict[Kind, torch.Tensor]]]:
        """Yield name and [row, feature] by kind of each layer that has n_rows whole rows."""
        for name, kinds in self._rows.items():
            is_even = all(len({v.shape[1] for v in values}) == 1 for values in kinds.values())
            if name in self._skipped or not is_even:
                continue
            joined = {kind: torch.cat(values) for kind, values in kinds.items()}
            if all(len(values) == n_rows for values in joined.values()):
                yield name, joined

    @contextmanager
    def watching(
        self, hooks: Sequence[Hook], *, backbone: nn.Module | None = None
    ) -> Iterator[None]:
        """Note what leaves modules; of a backbone also what has three axes.

        These are [clip, channel, time] behind a Conv1d, else [clip, token, channel], as a
        transformer has it. A module that hands on what the layer before it gave is no layer.
        """
        before: list[nn.Module] = []  # the weighted layer used last

        def hook(name: str) -> Callable[..., None]:
            def seen(module: nn.Module, inputs: Any, output: Any) -> None:
                if not isinstance(output, torch.Tensor):
                    return
                x = output
                if backbone is not None and x.ndim == 3:
                    x = x.unsqueeze(2) if _has_time_last(before) else tokens_as_places(x)
                is_same = (
                    self._last is not None
                    and self._last.data_ptr() == x.data_ptr()
                    and self._last.shape == x.shape
                )
                if x.ndim == 4 and not is_same:
                    self._last = x  # kept alive: its memory cannot become that of another
                    self.note(name, x)

            return seen

        def weighted(module: nn.Module, inputs: Any, output: Any) -> None:
            before[:] = [module]

        handles = [
            module.register_forward_hook(weighted)
            for module in (() if backbone is None else backbone.modules())
            if isinstance(module, WEIGHTED)
        ]
        handles += [module.register_forward_hook(hook(name)) for name, module in hooks]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


def backbone_hooks(backbone: nn.Module, stages: Sequence[str]) -> list[Hook]:
    """Return the stages that a backbone names, or its layers where it names none."""
    if stages:
        return [(name, backbone.get_submodule(name)) for name in stages]
    return units(backbone)


def last_weighted(backbone: nn.Module, use: Callable[[], object]) -> nn.Module | None:
    """Return the weighted layer that is used last: its input is the embedding."""
    used: list[nn.Module] = []
    handles = [
        module.register_forward_hook(lambda module, inputs, output: used.append(module))
        for module in backbone.modules()
        if isinstance(module, WEIGHTED)
    ]
    try:
        use()
    finally:
        for handle in handles:
            handle.remove()
    return used[-1] if used else None


def _has_time_last(layers: Sequence[nn.Module]) -> bool:
    return any(isinstance(layer, nn.Conv1d) for layer in layers)


def pooled(x: torch.Tensor, layer: nn.Module) -> torch.Tensor:
    """Return what a layer takes as [clip, channel]: over bins and frames it commutes with a mean.

    Three axes are [clip, channel, time] for a Conv1d, else [clip, token, channel].
    """
    if x.ndim == 3:
        return x.mean(dim=2 if _has_time_last([layer]) else 1)
    return x.mean(dim=(2, 3)) if x.ndim == 4 else x


def networks_of(thing: object) -> list[nn.Module]:
    """Return the networks that an object keeps, directly or in lists and mappings."""
    found: list[nn.Module] = []

    def visit(value: object, depth: int) -> None:
        if isinstance(value, nn.Module):
            found.append(value)
        elif depth < 2 and isinstance(value, list | tuple):
            for item in value:
                visit(item, depth + 1)
        elif depth < 2 and isinstance(value, dict):
            for item in value.values():
                visit(item, depth + 1)

    for value in vars(thing).values():
        visit(value, 0)
    return found
