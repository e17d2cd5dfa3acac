"""Samples per second of UMC's converter training, and its share of the matrix-product ceiling.

    python benchmarks/speed/converter_training.py [--budget paper] [--batch 400] [--steps 20]
                                                  [--device auto]

Random clips of seven devices, the recipe of a budget, whole steps (generator there and back, all
discriminators, image buffers, both optimisers). The floating-point operations of one step are
counted by torch, and the ceiling is a square matrix product in the same precision in the same
process, so that the share means the same on a shared machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from devbench import FrequencyResponse, seed_for
from devbench.running.clips import StagedClips
from devbench.running.hardware import cpu_has_bf16, cuda_has_bf16, n_cpus
from devbench_plugins.converters.recipes import UNIFIED
from devbench_plugins.converters.unified import Training

DEVICES = tuple(f"device{number}" for number in range(7))
N_BINS, N_FRAMES, N_CLIPS = 80, 87, 64
MATRIX = {"cuda": 8192, "cpu": 2048}


class Bench:
    """A workshop of random clips that keeps nothing."""

    devices = DEVICES
    crop_frames = 80

    def __init__(self, device: str, precision: Any) -> None:
        self.torch_device, self.precision = device, precision
        self.bin_hz = torch.logspace(1.7, 4.03, N_BINS)
        freq_hz = np.geomspace(20, 11_025, 128)
        rng = np.random.default_rng(0)
        self.frequency_responses = {
            name: FrequencyResponse(freq_hz, np.cumsum(rng.normal(size=128))) for name in DEVICES
        }
        self.unpaired = {
            name: StagedClips(
                torch.randn(N_CLIPS * N_FRAMES, N_BINS, device=device) * 15 - 40,
                torch.tensor([[i * N_FRAMES, N_FRAMES] for i in range(N_CLIPS)], device=device),
                crop=80,
                bin_hz=self.bin_hz.to(device),
                n_classes=0,
            )
            for name in DEVICES
        }

    def generator(self, *purpose: str | int) -> torch.Generator:
        """Return a generator for a purpose."""
        return torch.Generator().manual_seed(seed_for(0, *purpose))

    def resume(self) -> None:
        """Start anew."""

    def checkpoint(
        self, step: int, tensors: Mapping[str, torch.Tensor], state: Mapping[str, Any]
    ) -> None:
        """Keep nothing."""

    def report(self, step: int, n_steps: int, losses: Mapping[str, float]) -> None:
        """Say nothing."""


def main() -> None:
    """Measure and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--budget", choices=sorted(UNIFIED), default="paper")
    parser.add_argument("--batch", type=int, default=0, help="0: the budget's")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    given = parser.parse_args()
    wants_gpu = given.device == "cuda" or (given.device == "auto" and torch.cuda.is_available())
    device = "cuda" if wants_gpu else "cpu"
    torch.set_num_threads(n_cpus())
    has_bf16 = cuda_has_bf16() if wants_gpu else cpu_has_bf16()
    recipe = UNIFIED[given.budget]
    recipe = replace(recipe, batch=given.batch or recipe.batch)
    precision = "bf16" if has_bf16 else "fp32"
    training = Training(Bench(device, precision), recipe)
    with FlopCounterMode(display=False) as counter:
        training.step(1)
    flop_step = float(counter.get_total_flops())
    training.step(2)
    seconds = []
    for step in range(3, 3 + given.steps):
        _wait(device)
        started = time.perf_counter()
        training.step(step)
        _wait(device)
        seconds.append(time.perf_counter() - started)
    step_s = statistics.median(seconds)
    ceiling = _ceiling(device, torch.bfloat16 if has_bf16 else torch.float32)
    print(
        json.dumps(
            {
                "what": f"UMC converter training, {given.budget}",
                "device": torch.cuda.get_device_name() if wants_gpu else f"{n_cpus()} CPU cores",
                "precision": precision,
                "batch": recipe.batch,
                "step_s": round(step_s, 4),
                "samples_per_s": round(recipe.batch / step_s, 1),
                "gflop_per_sample": round(flop_step / recipe.batch / 1e9, 2),
                "tflop_per_s": round(flop_step / step_s / 1e12, 3),
                "matrix_product_tflop_per_s": round(ceiling / 1e12, 3),
                "share_of_ceiling": round(flop_step / step_s / ceiling, 3),
            }
        )
    )


def _ceiling(device: str, dtype: torch.dtype) -> float:
    """Return operations per second of a square matrix product: the best of ten."""
    size = MATRIX[device]
    a = torch.randn(size, size, device=device).to(dtype)
    best = 0.0
    for _ in range(10):
        _wait(device)
        started = time.perf_counter()
        _ = a @ a
        _wait(device)
        best = max(best, 2 * size**3 / (time.perf_counter() - started))
    return best


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
