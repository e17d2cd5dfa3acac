"""What a backbone is held against: shapes, stages, weights, and clips that are answered alone."""

from __future__ import annotations

import copy

import torch
from torch import nn

from devbench.plugin_kit.layers_rules import TOLERANCE, require_still
from devbench.plugin_kit.probing import Broken, Probe

N_CLASSES, N_BINS = 5, 80
FRAMES = (80, 32, 101)
SAMPLES = (20_480, 8_192, 25_000)


def look(probe: Probe) -> None:
    """Look at every rule of backbones."""
    made: list[nn.Module] = []
    if not probe.part("building it", lambda: made.append(_built(probe)), "R11"):
        return
    model = made[0]
    if probe.part("computing logits", lambda: _logits(probe, model), "R40", "R22", "R24", "R43"):
        probe.part("predicting", lambda: _company(probe, model), "R28", "R29")
        probe.part("looking at its stages", lambda: _stages(probe), "R41")
        probe.part("training it", lambda: _train(probe), "R44")
    probe.part("building it again", lambda: _weights(probe), "R42")


def _built(probe: Probe, n_classes: int = N_CLASSES, n_bins: int = N_BINS) -> nn.Module:
    """Return the network, drawn from a fixed random state."""
    torch.manual_seed(3)
    if probe.spec.takes == "waveform":
        n_bins = 1
    model = probe.spec.build(n_classes=n_classes, n_bins=n_bins, **probe.options)
    probe.require(
        isinstance(model, nn.Module), "R08", f"build returned a {type(model).__name__}, no module"
    )
    found: nn.Module = model
    return found


def _clips(probe: Probe, n_clips: int, size: int = 0, n_bins: int = N_BINS) -> torch.Tensor:
    """Return standardised clips of the size-th length: [batch, 1, bin, frame]."""
    generator = torch.Generator().manual_seed(17)
    if probe.spec.takes == "waveform":
        return torch.randn(n_clips, 1, 1, SAMPLES[size], generator=generator)
    return torch.randn(n_clips, 1, n_bins, FRAMES[size], generator=generator)


def _logits(probe: Probe, model: nn.Module) -> None:
    """Compute logits of several lengths, bins and numbers of classes."""
    cases = [(model, N_CLASSES, N_BINS, size) for size in range(len(FRAMES))]
    cases.append((_built(probe, 2, 64), 2, 64, 0))
    for network, n_classes, n_bins, size in cases:
        x = _clips(probe, 2, size, n_bins)
        before = x.clone()
        network.eval()
        with torch.no_grad():
            first, second = network(x), network(x)
        probe.require(torch.equal(x, before), "R24", "it changed its input in place")
        probe.require(
            isinstance(first, torch.Tensor) and first.shape == (2, n_classes),
            "R40",
            f"{tuple(x.shape)} gives {tuple(getattr(first, 'shape', ()))}, not (2, {n_classes})",
        )
        probe.require(bool(first.isfinite().all()), "R22", f"{tuple(x.shape)} gives NaN")
        probe.require(torch.equal(first, second), "R43", "two calls in eval mode differ")
    with torch.no_grad():
        silent = model(torch.zeros_like(_clips(probe, 2)))
    probe.require(bool(silent.isfinite().all()), "R22", "an input of zeros gives NaN")


def _company(probe: Probe, model: nn.Module) -> None:
    """Answer clips together and alone; nothing of the model may move."""
    x = _clips(probe, 4)
    model.eval()
    before = copy.deepcopy(model.state_dict())
    with torch.no_grad():
        together, alone = model(x), torch.cat([model(clip[None]) for clip in x])
    far = float((together - alone).abs().max())
    scale = max(1.0, float(together.abs().max()))
    probe.require(
        far <= TOLERANCE * scale,
        "R28",
        f"logits of a clip alone and in company differ by {far:.2g}",
    )
    require_still(probe, before, model.state_dict())


def _stages(probe: Probe) -> None:
    """Put a layer behind every stage and see in which order they are reached."""
    model = _built(probe).eval()
    seen: list[str] = []
    shapes: dict[str, torch.Size] = {}
    for name in probe.spec.stages:
        try:
            module = model.get_submodule(name)
        except AttributeError as error:
            raise Broken("R41", f"there is no submodule {name!r}") from error

        def note(_: nn.Module, __: object, output: torch.Tensor, name: str = name) -> None:
            seen.append(name)
            shapes[name] = getattr(output, "shape", torch.Size())

        module.register_forward_hook(note)
    with torch.no_grad():
        model(_clips(probe, 2))
    probe.require(
        tuple(seen) == tuple(probe.spec.stages),
        "R41",
        f"stages are reached as {', '.join(seen) or 'none'}",
    )
    for name, shape in shapes.items():
        probe.require(len(shape) == 4, "R41", f"stage {name!r} gives {tuple(shape)}")


def _train(probe: Probe) -> None:
    """Send a loss back through it."""
    model = _built(probe).train()
    model(_clips(probe, 4)).square().mean().backward()
    given = [p.grad for p in model.parameters() if p.requires_grad]
    probe.require(given, "R44", "it has no parameters to train")
    missing = sum(gradient is None for gradient in given)
    probe.require(not missing, "R44", f"{missing} of {len(given)} parameters get no gradient")
    finite = all(bool(gradient.isfinite().all()) for gradient in given if gradient is not None)
    probe.require(finite, "R22", "a gradient holds NaN or infinity")


def _weights(probe: Probe) -> None:
    """Build it twice from one random state."""
    first, second = (_built(probe).state_dict() for _ in range(2))
    differ = [name for name in first if not torch.equal(first[name], second[name])]
    probe.require(not differ, "R42", f"other weights: {', '.join(differ[:3])}")
