"""Self-supervised training of the estimator (ICASSP 2020, section 4): no label, no second device.

Two recordings get one random scene; one of them gets a random equaliser as well, whose settings are
to be found.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch.nn import functional

from devbench import Artifact, Workshop

from ..converters.means import Means
from ..converters.state import flat, restore
from ..networks.siamese_equaliser import DecibelMel, SiameseEqualiser
from .excerpts import Excerpts
from .recipes import EstimatorRecipe
from .scene import staged_pair
from .settings import N_CLASSES, N_SETTINGS, Grids

REPORT_STEPS, CHECKPOINT_STEPS = 20, 100
HELD_EVERY = 10
"""One clip in ten serves validation alone."""


def build(workshop: Workshop, config: Mapping[str, Any]) -> Artifact:
    """Train an estimator on unlabelled clips of the workshop's devices, which is the source."""
    training = Training(workshop, EstimatorRecipe.of(config))
    training.run()
    return training.artifact()


class Training:
    """The estimator, its optimiser, and the best weights so far."""

    def __init__(self, workshop: Workshop, recipe: EstimatorRecipe) -> None:
        self.workshop, self.recipe = workshop, recipe
        self.device = torch.device(workshop.torch_device)
        self.grids = Grids.at(recipe.sample_rate_hz).to(self.device)
        self.n_samples = round(recipe.input_s * recipe.sample_rate_hz)
        (device,) = workshop.devices
        excerpts = Excerpts.of(workshop.unpaired[device], recipe.sample_rate_hz, recipe.gate_lufs)
        self.excerpts, self.held = excerpts.split(HELD_EVERY)
        self.spectrogram = DecibelMel(recipe.sample_rate_hz, recipe.hop_ms / 1000).to(self.device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(workshop.generator("weights").initial_seed())
            self.network = SiameseEqualiser(recipe.comparison)
        self.network.to(self.device)
        self.modules = {"estimator": self.network}
        self.optimisers: dict[str, torch.optim.Optimizer] = {
            "estimator": torch.optim.Adam(self.network.parameters(), lr=recipe.learning_rate)
        }
        self.best: dict[str, torch.Tensor] = {}
        self.best_loss, self.waited, self.n_steps = math.inf, 0, 0

    def run(self) -> None:
        """Train from the last checkpoint to the end, or until validation gets no better."""
        recipe, first, means = self.recipe, 1, Means()
        found = self.workshop.resume()
        if found is not None:
            step, tensors, state = found
            restore(tensors, self.modules, self.optimisers, {}, self.device)
            self.best = {
                name.removeprefix("best."): value
                for name, value in tensors.items()
                if name.startswith("best.")
            }
            self.waited = int(state["waited"])
            if state["best_loss"] is not None:
                self.best_loss = float(state["best_loss"])
            means, first = Means(dict(state["sums"]), int(state["count"])), step + 1
        for step in range(first, recipe.steps + 1):
            means.add({"nll": self.step(step)})
            if step % recipe.validate_steps == 0 or step == recipe.steps:
                self._validate()
            self.n_steps = step
            is_over = self.waited >= recipe.patience or step == recipe.steps
            if step % REPORT_STEPS == 0 or is_over:
                total = step if is_over else recipe.steps
                self.workshop.report(step, total, self._told(means))
            if is_over:
                return
            if step % CHECKPOINT_STEPS == 0:
                self._checkpoint(step, means)

    def artifact(self) -> Artifact:
        """Return the weights with the least validation loss."""
        return Artifact(
            tensors={f"estimator.{name}": value for name, value in self.best.items()},
            facts={
                "recipe": self.recipe.config(),
                "steps": self.n_steps,
                "samples": self.n_steps * self.recipe.batch,
                "clips": len(self.excerpts.clips) + len(self.held.clips),
                "validation_nll": round(self.best_loss, 6),
                "n_parameters": sum(p.numel() for p in self.network.parameters()),
            },
        )

    def step(self, step: int) -> torch.Tensor:
        """Update the estimator on one batch; return its loss in nats per setting."""
        generator = self.workshop.generator("step", step)
        self.network.train()
        loss = self._loss(self.excerpts, self.recipe.batch, generator)
        self.optimisers["estimator"].zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimisers["estimator"].step()
        self.network.remove_level()
        return loss

    def _loss(self, excerpts: Excerpts, n: int, generator: torch.Generator) -> torch.Tensor:
        rate_hz = self.recipe.sample_rate_hz
        first, second = excerpts.draw_pairs(n, self.n_samples, generator)
        classes = torch.randint(N_CLASSES, (n, N_SETTINGS), generator=generator).to(self.device)
        first, second = staged_pair(
            first.to(self.device),
            second.to(self.device),
            self.grids.values(classes),
            rate_hz,
            generator,
        )
        # In float32 at any precision of the run: bf16 holds -60 dB to half a decibel.
        logits = self.network(self.spectrogram(first), self.spectrogram(second))
        return functional.cross_entropy(logits.flatten(0, 1), classes.flatten())

    def _validate(self) -> None:
        """Keep the weights if they are the best so far, on the same held-out pairs every time."""
        generator = self.workshop.generator("validation")
        self.network.eval()
        total, left = 0.0, self.recipe.n_validation
        with torch.no_grad():
            while left > 0:
                n = min(left, 4 * self.recipe.batch)
                total += n * float(self._loss(self.held, n, generator))
                left -= n
        loss = total / self.recipe.n_validation
        self.waited += 1
        if loss < self.best_loss:
            self.best_loss, self.waited = loss, 0
            state = self.network.state_dict()
            self.best = {name: value.cpu().clone() for name, value in state.items()}

    def _told(self, means: Means) -> dict[str, float]:
        told = means.taken()
        return told if math.isinf(self.best_loss) else {**told, "best_nll": self.best_loss}

    def _checkpoint(self, step: int, means: Means) -> None:
        tensors = flat(self.modules, self.optimisers, {})
        tensors |= {f"best.{name}": value for name, value in self.best.items()}
        # JSON knows no infinity; before the first validation any loss is better.
        best = None if math.isinf(self.best_loss) else self.best_loss
        state = {"best_loss": best, "waited": self.waited, **means.state()}
        self.workshop.checkpoint(step, tensors, state)
