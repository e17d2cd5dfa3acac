"""Time per training step: the harness against a bare torch loop with the same model and data.

    python benchmarks/speed/training_overhead.py [--rounds 5] [--backbone small-cnn] [--device cpu]

Both run in one process, in turn, so that a machine whose speed drifts slows both; the figure is the
median of the ratios harness / bare. The bare loop has what any training loop has: a random
permutation, indexing, autocast, cross-entropy, AdamW, a learning-rate schedule. The harness adds
random crops, the method hook, the checks of the contract and keyed generators; validation and
checkpoints are outside the time.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time

import torch
from torch.nn import functional

from devbench.benchmark.load import load_benchmark
from devbench.contract.batch import Batch
from devbench.contract.method import Method
from devbench.registry import find
from devbench.running.classifier import Classifier, build_classifier, set_up_torch
from devbench.running.clips import StagedClips
from devbench.running.hardware import cpu_has_bf16, cuda_has_bf16, n_cpus
from devbench.running.jobs import ModelJob, Part
from devbench.running.training import Recipe, train_epoch

N_CLASSES, N_FRAMES = 20, 81


def main() -> None:
    """Measure and print one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clips", type=int, default=640)
    parser.add_argument("--backbone", default="small-cnn")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    given = parser.parse_args()
    benchmark = load_benchmark("sim7")
    budget = benchmark.budgets["quick"]
    threads = n_cpus()
    job = ModelJob(
        method=Part(ref=find("method", "baseline").to_dict()),
        backbone=Part(ref=find("backbone", given.backbone).to_dict()),
        frontend=Part(ref=find("frontend", "log-mel").to_dict()),
        features=benchmark.features,
        needs=[],
        acts_on="spectrogram",
        n_classes=N_CLASSES,
        n_bins=benchmark.features.n_mels,
        crop_frames=budget.crop_frames,
        mean_db=-50.0,
        std_db=15.0,
        seed=0,
        threads=threads,
        device=given.device,
    )
    device = set_up_torch(job)
    has_bf16 = cuda_has_bf16() if given.device == "cuda" else cpu_has_bf16()
    recipe = Recipe(
        budget=budget,
        selection="last",
        seed=0,
        precision="bf16" if has_bf16 else "fp32",
        method_name="baseline",
        device=device,
    )
    torch.manual_seed(0)
    data = StagedClips(
        torch.randn(given.clips * N_FRAMES, job.n_bins, device=device) * 15 - 50,
        torch.tensor([[i * N_FRAMES, N_FRAMES] for i in range(given.clips)], device=device),
        crop=budget.crop_frames,
        bin_hz=torch.linspace(50, 11000, job.n_bins, device=device),
        labels=torch.randint(0, N_CLASSES, (given.clips,), device=device),
        n_classes=N_CLASSES,
    )
    n_steps = math.ceil(given.clips / budget.batch)
    harness, bare = _Harness(job, data, recipe, n_steps), _Bare(job, data, recipe)
    for side in (harness, bare):
        side.epoch()  # warm-up
    ratios, seconds = [], []
    for _ in range(given.rounds):
        ours, theirs = _timed(harness, device), _timed(bare, device)
        ratios.append(ours / theirs)
        seconds.append(theirs / n_steps)
    print(
        f"{given.backbone}, batch {budget.batch}, {recipe.precision}, {given.device}, {threads} "
        f"threads: harness / bare = {statistics.median(ratios):.3f} "
        f"(min {min(ratios):.3f}, max {max(ratios):.3f}, {given.rounds} rounds of {n_steps} steps; "
        f"bare step {1000 * statistics.median(seconds):.1f} ms)"
    )


def _timed(side: _Harness | _Bare, device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
    started = time.perf_counter()
    side.epoch()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


class _Harness:
    def __init__(self, job: ModelJob, data: StagedClips, recipe: Recipe, n_steps: int) -> None:
        self.model: Classifier = build_classifier(job, Method()).to(recipe.device)
        self.optimiser = torch.optim.AdamW(self.model.parameters(), lr=1e-3)
        self.data, self.recipe, self.n_steps, self.number = data, recipe, n_steps, 0

    def epoch(self) -> None:
        self.number += 1

        def same(batch: Batch) -> Batch:
            return batch

        train_epoch(
            self.model,
            Method(),
            self.data,
            self.optimiser,
            self.recipe,
            epoch=self.number,
            n_steps=self.n_steps,
            to_spectrogram=same,
        )


class _Bare:
    def __init__(self, job: ModelJob, data: StagedClips, recipe: Recipe) -> None:
        self.model: Classifier = build_classifier(job, Method()).to(recipe.device)
        self.optimiser = torch.optim.AdamW(self.model.parameters(), lr=1e-3)
        rows = torch.arange(len(data), device=recipe.device)
        zero = torch.zeros_like(rows)
        self.inputs = data.crops(rows, zero, recipe.budget.crop_frames).clips.contiguous()
        self.labels = data.targets.argmax(1)
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimiser, 10_000)
        self.recipe = recipe

    def epoch(self) -> None:
        device, is_bf16 = self.recipe.device.type, self.recipe.precision == "bf16"
        self.model.train()
        order = torch.randperm(len(self.labels), device=self.labels.device)
        for rows in torch.split(order, self.recipe.budget.batch):
            with torch.autocast(device, torch.bfloat16, enabled=is_bf16):
                logits = self.model(self.inputs[rows])
            loss = functional.cross_entropy(logits.float(), self.labels[rows])
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimiser.step()
            self.schedule.step()


if __name__ == "__main__":
    main()
