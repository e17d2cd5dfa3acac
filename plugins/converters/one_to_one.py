"""Training of one-to-one converters: a CycleGAN between two devices (MC, arXiv 2401.06913).

Minimax (NLL) adversarial loss and L1 cycle loss, in both directions at once; no identity loss.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from devbench import Artifact, Workshop

from ..networks.cyclegan import PatchDiscriminator, ResnetGenerator
from ..spectra import spectrogram_of
from .adversarial import Adversarial, judged_as
from .buffer import ImageBuffer
from .clips import require_clips
from .means import Means
from .recipes import PairRecipe
from .scale import measured_scale
from .state import flat, placed, restore

LOSS: Adversarial = "nll"
MOMENTA = (0.5, 0.999)
REPORT_STEPS, CHECKPOINT_STEPS = 20, 200
WAYS = ("there", "back")
"""From the first of the two devices (in order of their ids) to the second, and back."""


def build(workshop: Workshop, config: Mapping[str, Any]) -> Artifact:
    """Train both generators of a pair of devices on their unlabelled clips."""
    training = Training(workshop, PairRecipe.of(config))
    training.run()
    return training.artifact()


def generator_of(
    tensors: Mapping[str, torch.Tensor], recipe: PairRecipe, *, way: str, epoch: int
) -> ResnetGenerator:
    """Return the generator of one way as it was after an epoch, ready for use."""
    with torch.device("meta"):  # no draws for weights that are replaced at once
        generator = ResnetGenerator(recipe.width, recipe.n_blocks)
    prefix = f"epoch-{epoch}.{way}."
    generator.load_state_dict(
        {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}, assign=True
    )
    return generator.eval().requires_grad_(requires_grad=False)


class Training:
    """Two generators, two discriminators, their optimisers and buffers."""

    def __init__(self, workshop: Workshop, recipe: PairRecipe) -> None:
        self.workshop, self.recipe = workshop, recipe
        self.device = torch.device(workshop.torch_device)
        self.clips = [workshop.unpaired[name] for name in workshop.devices]
        require_clips(workshop, least_devices=2)
        self.scale = measured_scale(self.clips)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(workshop.generator("weights").initial_seed())
            self.generators = nn.ModuleDict(
                {way: ResnetGenerator(recipe.width, recipe.n_blocks) for way in WAYS}
            )
            # critics["there"] judges what that generator makes: the second device.
            self.critics = nn.ModuleDict(
                {way: PatchDiscriminator(recipe.critic_width) for way in WAYS}
            )
        self.modules = {"generators": self.generators, "critics": self.critics}
        for module in self.modules.values():
            placed(module, self.device)
        self.optimisers: dict[str, torch.optim.Optimizer] = {
            name: torch.optim.Adam(module.parameters(), lr=recipe.learning_rate, betas=MOMENTA)
            for name, module in self.modules.items()
        }
        self.buffers = {way: ImageBuffer(recipe.buffer) for way in WAYS}
        self.kept: dict[str, torch.Tensor] = {}
        n_clips = max(len(clips) for clips in self.clips)
        self.epoch_steps = recipe.epoch_steps or math.ceil(n_clips / recipe.batch)
        self.n_steps = max(recipe.kept_epochs) * self.epoch_steps

    def run(self) -> None:
        """Train from the last checkpoint to the end."""
        first, means = 1, Means()
        found = self.workshop.resume()
        if found is not None:
            step, tensors, state = found
            restore(tensors, self.modules, self.optimisers, self.buffers, self.device)
            self.kept = {k: v for k, v in tensors.items() if k.startswith("epoch-")}
            means, first = Means(dict(state["sums"]), int(state["count"])), step + 1
        for step in range(first, self.n_steps + 1):
            means.add(self.step(step))
            if step in {epoch * self.epoch_steps for epoch in self.recipe.kept_epochs}:
                self._keep(step // self.epoch_steps)
            if step % REPORT_STEPS == 0 or step == self.n_steps:
                self.workshop.report(step, self.n_steps, means.taken())
            if step % CHECKPOINT_STEPS == 0 and step < self.n_steps:
                tensors = {**flat(self.modules, self.optimisers, self.buffers), **self.kept}
                self.workshop.checkpoint(step, tensors, means.state())

    def artifact(self) -> Artifact:
        """Return the generators of the kept epochs and the scale they work on."""
        return Artifact(
            tensors={**self.kept, **self.scale.tensors()},
            facts={
                "recipe": self.recipe.config(),
                "steps": self.n_steps,
                "samples": self.n_steps * self.recipe.batch * 2,
                "n_parameters": sum(p.numel() for p in self.generators.parameters()),
            },
        )

    def _keep(self, epoch: int) -> None:
        for way in WAYS:
            for name, value in self.generators[way].state_dict().items():
                self.kept[f"epoch-{epoch}.{way}.{name}"] = value.detach().cpu().clone()

    def step(self, step: int) -> dict[str, torch.Tensor]:
        """Update both generators, then both discriminators; return the losses."""
        rng = self.workshop.generator("step", step)
        n = self.recipe.batch
        first, second = (
            self.scale.standard(spectrogram_of(clips.sample(n, rng))) for clips in self.clips
        )
        real = {"there": second, "back": first}
        fakes, losses = {}, {}
        with self._autocast():
            for way, x in zip(WAYS, (first, second), strict=True):
                fakes[way] = self.generators[way](x)
            back = self.generators["back"](fakes["there"])
            forth = self.generators["there"](fakes["back"])
            scores = {way: self.critics[way](fakes[way]) for way in WAYS}
        cycle = (back.float() - first).abs().mean() + (forth.float() - second).abs().mean()
        losses["cycle"] = self.recipe.cycle_weight * cycle
        costs = [judged_as(scores[way], real=True, loss=LOSS) for way in WAYS]
        losses["adversarial"] = costs[0] + costs[1]
        self.optimisers["generators"].zero_grad(set_to_none=True)
        (losses["cycle"] + losses["adversarial"]).backward()
        self.optimisers["generators"].step()
        costs = []
        for way in WAYS:
            shown = self.buffers[way].swap(fakes[way], rng)
            with self._autocast():
                judged = self.critics[way](real[way]), self.critics[way](shown)
            costs += [
                judged_as(scores_of, real=is_real, loss=LOSS)
                for scores_of, is_real in zip(judged, (True, False), strict=True)
            ]
        losses["critic"] = 0.5 * torch.stack(costs).sum()
        self.optimisers["critics"].zero_grad(set_to_none=True)
        losses["critic"].backward()
        self.optimisers["critics"].step()
        return losses

    def _autocast(self) -> torch.autocast:
        is_bf16 = self.workshop.precision == "bf16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=is_bf16)
