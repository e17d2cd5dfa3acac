"""Training of the unified converter: one generator, one discriminator per device (UMC, section 4).

A step draws a device for every sample and another to convert it to; the generator gets the
difference of their responses, and its negative on the way back.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from devbench import Artifact, Workshop

from ..draws import choices, coins
from ..networks.cyclegan import PatchDiscriminator
from ..networks.unified import UnifiedGenerator, on_bins
from ..spectra import spectrogram_of
from .adversarial import Adversarial, judged_as
from .buffer import ImageBuffer
from .clips import require_clips
from .conditions import band_curves, levelled, synthetic_differences
from .means import Means
from .recipes import Recipe
from .scale import measured_scale
from .state import flat, placed, restore
from .transport import band_quantiles, transported

LOSS: Adversarial = "least-squares"
MOMENTA = (0.5, 0.999)
REPORT_STEPS, CHECKPOINT_STEPS = 20, 200


def build(workshop: Workshop, config: Mapping[str, Any]) -> Artifact:
    """Train a unified generator on unlabelled clips and responses of the workshop's devices."""
    training = Training(workshop, Recipe.of(config))
    training.run()
    return training.artifact()


def generator_of(tensors: Mapping[str, torch.Tensor], recipe: Recipe) -> UnifiedGenerator:
    """Return the generator in an artifact, ready for use."""
    with torch.device("meta"):  # no draws for weights that are replaced at once
        generator = UnifiedGenerator(**recipe.generator())
    prefix = "generator."
    generator.load_state_dict(
        {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}, assign=True
    )
    return generator.eval().requires_grad_(requires_grad=False)


@dataclass(frozen=True, slots=True)
class Pairs:
    """What one step converts. source, target: device numbers [batch]; x, difference: standardised.

    synthetic: [batch] bool; those samples have a synthetic difference and no target device.
    """

    x: torch.Tensor
    source: torch.Tensor
    target: torch.Tensor
    difference: torch.Tensor
    synthetic: torch.Tensor


class Training:
    """Networks, optimisers and buffers of one training."""

    def __init__(self, workshop: Workshop, recipe: Recipe) -> None:
        self.workshop, self.recipe = workshop, recipe
        self.device = torch.device(workshop.torch_device)
        self.clips = [workshop.unpaired[name] for name in workshop.devices]
        require_clips(workshop, least_devices=2)
        self.scale = measured_scale(self.clips)
        curves_db = band_curves(workshop.frequency_responses, workshop.devices, workshop.bin_hz)
        if recipe.skip:
            curves_db = levelled(curves_db, self.clips)
        self.curves = (curves_db / self.scale.sd_db).to(self.device)  # [device, 128]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(workshop.generator("weights").initial_seed())
            self.generator = UnifiedGenerator(**recipe.generator())
            self.critics = nn.ModuleList(
                PatchDiscriminator(recipe.critic_width, recipe.critic_norm) for _ in self.clips
            )
        self.modules = {"generator": self.generator, "critics": self.critics}
        for module in self.modules.values():
            placed(module, self.device)
        self.optimisers: dict[str, torch.optim.Optimizer] = {
            name: torch.optim.Adam(module.parameters(), lr=recipe.learning_rate, betas=MOMENTA)
            for name, module in self.modules.items()
        }
        self.buffers = {name: ImageBuffer(recipe.buffer) for name in workshop.devices}
        if recipe.transport_weight > 0:
            quantiles_db = torch.stack([band_quantiles(clips) for clips in self.clips])
            self.quantiles = self.scale.standard(quantiles_db).to(self.device)
        self.epoch_steps = math.ceil(sum(len(clips) for clips in self.clips) / recipe.batch)
        self.n_steps = recipe.epochs * self.epoch_steps

    def run(self) -> None:
        """Train from the last checkpoint to the end."""
        first, means = 1, Means()
        found = self.workshop.resume()
        if found is not None:
            step, tensors, state = found
            restore(tensors, self.modules, self.optimisers, self.buffers, self.device)
            means, first = Means(dict(state["sums"]), int(state["count"])), step + 1
        for step in range(first, self.n_steps + 1):
            means.add(self.step(step))
            if step % REPORT_STEPS == 0 or step == self.n_steps:
                self.workshop.report(step, self.n_steps, means.taken())
            if step % CHECKPOINT_STEPS == 0 and step < self.n_steps:
                tensors = flat(self.modules, self.optimisers, self.buffers)
                self.workshop.checkpoint(step, tensors, means.state())

    def artifact(self) -> Artifact:
        """Return the generator and what it needs to be used."""
        state = self.generator.state_dict()
        tensors = {f"generator.{name}": value.cpu() for name, value in state.items()}
        return Artifact(
            tensors={**tensors, **self.scale.tensors()},
            facts={
                "recipe": self.recipe.config(),
                "steps": self.n_steps,
                "samples": self.n_steps * self.recipe.batch,
                "n_parameters": sum(p.numel() for p in self.generator.parameters()),
            },
        )

    def step(self, step: int) -> dict[str, torch.Tensor]:
        """Update the generator, then the discriminators; return the losses."""
        rng = self.workshop.generator("step", step)
        rate = self.recipe.learning_rate
        rate *= 0.1 ** ((step - 1) // (self.epoch_steps * self.recipe.decay_epochs))
        for optimiser in self.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = rate
        pairs = self._pairs(rng)
        fake, losses = self._generator_losses(pairs)
        self.optimisers["generator"].zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        self.optimisers["generator"].step()
        critic = self._critic_loss(pairs, fake.detach(), rng)
        self.optimisers["critics"].zero_grad(set_to_none=True)
        critic.backward()  # type: ignore[no-untyped-call]
        self.optimisers["critics"].step()
        return {**losses, "critic": critic}

    def _pairs(self, rng: torch.Generator) -> Pairs:
        n_devices, n = len(self.clips), self.recipe.batch
        like = torch.empty(0)
        source = choices(n, n_devices, like, rng).sort().values
        target = (source + 1 + choices(n, n_devices - 1, like, rng)) % n_devices
        synthetic = coins(n, self.recipe.synthetic, like, rng)
        x = self._samples(torch.bincount(source, minlength=n_devices), rng)
        difference = self.curves[target] - self.curves[source]
        if self.recipe.synthetic > 0:
            made = synthetic_differences(n, like, rng) / self.scale.sd_db
            chosen = synthetic.to(self.device)[:, None]
            difference = torch.where(chosen, made.to(self.device), difference)
        return Pairs(x, source, target, difference, synthetic)

    def _samples(self, counts: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
        """Return standardised random crops, counts[device] of each: [sum, 1, bin, frame]."""
        crops = [
            spectrogram_of(clips.sample(count, rng))
            for clips, count in zip(self.clips, counts.tolist(), strict=True)
            if count
        ]
        return self.scale.standard(torch.cat(crops).to(self.device))

    def _generator_losses(self, pairs: Pairs) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        recipe = self.recipe
        with self._autocast():
            fake = self.generator(pairs.x, pairs.difference)
            back = self.generator(fake, -pairs.difference)
            scores = [self.critics[device](fake[rows]) for device, rows in self._by_target(pairs)]
        fake, real = fake.float(), ~pairs.synthetic
        losses = {"cycle": recipe.cycle_weight * (back.float() - pairs.x).abs().mean()}
        if scores:
            judged = [len(s) * judged_as(s, real=True, loss=LOSS) for s in scores]
            losses["adversarial"] = torch.stack(judged).sum() / len(fake)
        if recipe.transport_weight > 0 and bool(real.any()):
            goal = transported(
                pairs.x[real], self.quantiles[pairs.source[real]],
                self.quantiles[pairs.target[real]],
            )  # fmt: skip
            losses["transport"] = recipe.transport_weight * (fake[real] - goal).abs().mean()
        if bool(pairs.synthetic.any()):
            # What a synthetic difference means: so much more in each band, on average over time.
            rows = pairs.synthetic
            moved = (fake[rows] - pairs.x[rows]).mean(dim=(1, 3))  # [row, bin]
            asked = on_bins(pairs.difference[rows], moved.shape[1])
            losses["shift"] = recipe.cycle_weight * (moved - asked).abs().mean()
        return fake, losses

    def _critic_loss(self, pairs: Pairs, fake: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
        groups = self._by_target(pairs)
        counts = torch.zeros(len(self.clips), dtype=torch.long)
        for device, rows in groups:
            counts[device] = len(rows)
        clips = self._samples(counts, rng).split_with_sizes([len(rows) for _, rows in groups])
        costs = []
        for (device, rows), real in zip(groups, clips, strict=True):
            shown = self.buffers[self.workshop.devices[device]].swap(fake[rows], rng)
            with self._autocast():
                on_real, on_fake = self.critics[device](real), self.critics[device](shown)
            cost = judged_as(on_real, real=True, loss=LOSS)
            cost = cost + judged_as(on_fake, real=False, loss=LOSS)
            costs.append(0.5 * len(rows) * cost)
        return torch.stack(costs).sum() / len(fake)

    def _by_target(self, pairs: Pairs) -> list[tuple[int, torch.Tensor]]:
        """Return (device number, rows of the fakes that should resemble it), both rising."""
        real = ~pairs.synthetic
        return [
            (device, rows)
            for device in range(len(self.clips))
            if len(rows := torch.nonzero(real & (pairs.target == device))[:, 0])
        ]

    def _autocast(self) -> torch.autocast:
        is_bf16 = self.workshop.precision == "bf16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=is_bf16)
