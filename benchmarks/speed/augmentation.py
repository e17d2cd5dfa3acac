"""Time of every blind augmentation as a share of one training step, in one process.

    python benchmarks/speed/augmentation.py [--backbone resnet18] [--batch 100] [--rounds 7]
                                            [--device cpu]

A step is forward, backward and update of the backbone on one batch. Augmentations and steps take
turns, so that a machine whose speed drifts slows both; the figure is the median of the ratios
augmentation / step. Of methods on waveforms the spectrogram is counted, too: it has to be computed
anew in every step.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch.nn import functional

from devbench import Batch, FeatureSpec, Method, MethodSpec, SideInformation
from devbench.registry import find, installed, load_spec
from devbench.running.clips import StagedClips
from devbench.running.hardware import cpu_has_bf16, cuda_has_bf16

N_CLASSES, N_FRAMES, N_CLIPS = 20, 81, 200


def main() -> None:
    """Measure and print a line per method, the cheapest first."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbone", default="resnet18")
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    given = parser.parse_args()
    device, features = torch.device(given.device), FeatureSpec()
    has_bf16 = cuda_has_bf16() if given.device == "cuda" else cpu_has_bf16()
    frontend = load_spec(find("frontend", "log-mel")).build(features).to(device)
    step = _step(given.backbone, given.batch, device, bf16=has_bf16)
    step()
    rows = []
    for name in sorted(installed("method")):
        spec: MethodSpec = load_spec(find("method", name))
        if spec.needs or "dir" in name.split("-") or type(spec.build()).augment is Method.augment:
            continue  # not blind, nothing to do in a step, or in need of a pool
        augment = _augment(spec, given.batch, frontend, features, device)
        augment()
        pairs = [(_timed(augment, device), _timed(step, device)) for _ in range(given.rounds)]
        ratio = statistics.median(a / s for a, s in pairs)
        rows.append((ratio, spec, statistics.median(a for a, _ in pairs)))
    for ratio, spec, seconds in sorted(rows, key=lambda row: row[0]):
        print(f"{spec.name:32} {spec.acts_on:12} {1000 * seconds:8.2f} ms {100 * ratio:7.2f} %")
    step_ms = 1000 * statistics.median(_timed(step, device) for _ in range(given.rounds))
    print(
        f"step: {given.backbone}, batch {given.batch}, {given.device}, "
        f"{'bf16' if has_bf16 else 'fp32'}, {torch.get_num_threads()} threads: {step_ms:.1f} ms"
    )


def _timed(work: Callable[[], object], device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
    started = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def _step(backbone: str, n_clips: int, device: torch.device, *, bf16: bool) -> Callable[[], None]:
    model = load_spec(find("backbone", backbone)).build(n_classes=N_CLASSES, n_bins=80)
    model = model.to(device, memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
    x = torch.randn(n_clips, 1, 80, N_FRAMES - 1, device=device)
    x = x.contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, N_CLASSES, (n_clips,), device=device)

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            logits = model(x)
        loss = functional.cross_entropy(logits.float(), labels)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    return step


def _augment(
    spec: MethodSpec,
    n_clips: int,
    frontend: torch.nn.Module,
    features: FeatureSpec,
    device: torch.device,
) -> Callable[[], object]:
    n_samples = (N_FRAMES - 1) * features.hop_samples
    waveforms = 0.1 * torch.randn(N_CLIPS, n_samples, device=device)
    is_waveform = spec.acts_on == "waveform"
    clips = waveforms if is_waveform else frontend(waveforms)[:, 0].mT.contiguous()
    length = clips.shape[1]
    view = StagedClips(
        clips.flatten(0, 1),
        torch.tensor([[i * length, length] for i in range(N_CLIPS)], device=device),
        crop=length if is_waveform else N_FRAMES - 1,
        bin_hz=frontend.bin_hz,  # type: ignore[arg-type]
        labels=torch.randint(0, N_CLASSES, (N_CLIPS,), device=device),
        n_classes=N_CLASSES,
    )
    method = spec.build()
    side = SideInformation(spec.name, frozenset(), "a", ("b",), ("a", "b"), features=features)
    method.fit(view, side, torch.Generator().manual_seed(0))
    batch = view.sample(n_clips, torch.Generator().manual_seed(1))
    generator = torch.Generator().manual_seed(2)

    def augment() -> Batch:
        out = method.augment(batch, generator)
        if is_waveform:
            frontend(out.clips)
        return out

    return augment


if __name__ == "__main__":
    main()
