"""What a front end is held against: frames, bins, silence, and clips that are computed alone."""

from __future__ import annotations

import torch
from torch import nn

from devbench.contract.scales import LIVE
from devbench.contract.values import FeatureSpec
from devbench.plugin_kit.probing import Probe

FEATURES = FeatureSpec()
SAMPLES = (22_050, 20_480, 30_001)
IN_HZ = ("db", "compressed")
TOLERANCE = 1e-3
"""In dB between a clip alone and in company: sums of products in another order."""


def look(probe: Probe) -> None:
    """Look at every rule of front ends."""
    made: list[nn.Module] = []
    if not probe.part("building it", lambda: made.append(_built(probe)), "R11"):
        return
    module = made[0]
    if not probe.part("looking at its bins", lambda: _bins(probe, module), "R51"):
        return
    if probe.part("computing frames", lambda: _frames(probe, module), "R50", "R22", "R24"):
        probe.part("computing them again", lambda: _again(probe, module), "R52", "R28")


def _built(probe: Probe) -> nn.Module:
    torch.manual_seed(3)
    module = probe.spec.build(FEATURES, **probe.options)
    probe.require(
        isinstance(module, nn.Module), "R08", f"build returned a {type(module).__name__}, no module"
    )
    found: nn.Module = module
    if probe.spec.scale in LIVE:  # a part of the classifier, which answers in eval mode
        found.eval()
    return found


def _bins(probe: Probe, module: nn.Module) -> None:
    buffers = dict(module.named_buffers())
    probe.require("bin_hz" in buffers, "R51", f"its buffers are {', '.join(buffers) or 'none'}")
    bin_hz = buffers["bin_hz"]
    probe.require(bin_hz.ndim == 1 and len(bin_hz) > 0, "R51", f"bin_hz is {tuple(bin_hz.shape)}")
    probe.require(bool(bin_hz.isfinite().all()), "R51", "bin_hz holds NaN or infinity")
    if probe.spec.scale in IN_HZ:
        probe.require(bool((bin_hz > 0).all()), "R51", f"a bin lies at {float(bin_hz.min()):g} Hz")


def _sound(n_samples: int, n_clips: int = 3) -> torch.Tensor:
    """Return noise of three levels: [clip, sample], full scale ±1."""
    generator = torch.Generator().manual_seed(5)
    level = torch.tensor([0.3, 0.03, 0.003])[:n_clips, None]
    return (level * torch.randn(n_clips, n_samples, generator=generator)).clamp(-1, 1)


def _frames(probe: Probe, module: nn.Module) -> None:
    """Compute frames of several lengths, of silence and of full scale."""
    n_bins = len(module.get_buffer("bin_hz"))
    for n_samples in SAMPLES:
        x = _sound(n_samples)
        before = x.clone()
        with torch.no_grad():
            frames = module(x)
        probe.require(torch.equal(x, before), "R24", "it changed its samples in place")
        is_waveform = probe.spec.scale == "waveform"
        n_frames = n_samples if is_waveform else FEATURES.n_frames(n_samples)
        expected = (len(x), 1, n_bins, n_frames)
        shape = tuple(getattr(frames, "shape", ()))
        probe.require(shape == expected, "R50", f"{n_samples} samples give {shape}, not {expected}")
        probe.require(frames.dtype == torch.float32, "R50", f"frames are {frames.dtype}")
        probe.require(bool(frames.isfinite().all()), "R22", "noise gives NaN or infinity")
    for words, level in (("silence", 0.0), ("full scale", 1.0)):
        with torch.no_grad():
            frames = module(torch.full((1, SAMPLES[0]), level))
        probe.require(bool(frames.isfinite().all()), "R22", f"{words} gives NaN or infinity")


def _again(probe: Probe, module: nn.Module) -> None:
    """Compute the same clips twice, by another module, and alone."""
    x = _sound(SAMPLES[0])
    with torch.no_grad():
        first, second, other = module(x), module(x), _built(probe)(x)
        alone = torch.cat([module(clip[None]) for clip in x])
    probe.require(torch.equal(first, second), "R52", "two calls differ")
    probe.require(torch.equal(first, other), "R52", "two modules with equal settings differ")
    far = float((first - alone).abs().max())
    probe.require(far <= TOLERANCE, "R28", f"a clip alone and in company differ by {far:.2g}")
