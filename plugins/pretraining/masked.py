"""Masked pretraining of the spectrogram transformer, on unlabelled clips of one device.

mae: Huang et al., Masked Autoencoders that Listen, NeurIPS 2022 (arXiv 2207.06405): the patches
that the encoder did not see are rebuilt from those it saw; the loss is the squared error on patches
normalised each by its own mean and deviation (section 3).
jepa: Fei et al., A-JEPA (arXiv 2311.15830): what is predicted is not the patch but what a slowly
moving copy of the encoder makes of it when it sees all (section 3).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from devbench import Artifact, ContractError, Workshop

from ..converters.means import Means
from ..converters.state import flat, restore
from ..networks.spectrogram_transformer import SpectrogramTransformer, places
from ..spectra import band_mean_and_sd, spectrogram_of
from .masking import chosen, random_masks
from .recipes import PATCH, MaskedRecipe

REPORT_STEPS, CHECKPOINT_STEPS = 10, 200
WARM_UP = 0.1
"""Share of the steps over which the learning rate rises."""
EPSILON = 1e-6


def build(workshop: Workshop, config: Mapping[str, Any]) -> Artifact:
    """Pretrain a transformer on the unlabelled clips of the workshop's device."""
    training = Training(workshop, MaskedRecipe.of(config))
    training.run()
    return training.artifact()


class Predictor(nn.Module):
    """Says of every hidden patch what it was, from what the encoder made of the seen ones.

    A learned token stands for each hidden patch, with its place (Audio-MAE, section 3).
    """

    def __init__(self, width: int, depth: int, n_heads: int, n_out: int) -> None:
        super().__init__()
        self.hidden = nn.Parameter(torch.zeros(1, 1, width))
        layer = nn.TransformerEncoderLayer(
            width, n_heads, dim_feedforward=4 * width, dropout=0.0, activation="gelu",
            batch_first=True, norm_first=True,
        )  # fmt: skip
        self.blocks = nn.TransformerEncoder(
            layer, depth, norm=nn.LayerNorm(width), enable_nested_tensor=False
        )
        self.out = nn.Linear(width, n_out)

    def forward(
        self, encoded: torch.Tensor, seen: torch.Tensor, hidden: torch.Tensor, codes: torch.Tensor
    ) -> torch.Tensor:
        """Return a prediction per hidden patch: [batch, hidden, out].

        encoded: [batch, seen, width]; seen, hidden: patch numbers; codes: [patch, width].
        """
        n_clips = len(encoded)
        every = codes.expand(n_clips, -1, -1)
        asked = self.hidden.expand(n_clips, hidden.shape[1], -1) + chosen(every, hidden)
        tokens = torch.cat([encoded + chosen(every, seen), asked], dim=1)
        answer: torch.Tensor = self.out(self.blocks(tokens)[:, encoded.shape[1] :])
        return answer


class Training:
    """Encoder, predictor, for jepa the slow copy, and the optimiser."""

    def __init__(self, workshop: Workshop, recipe: MaskedRecipe) -> None:
        self.workshop, self.recipe = workshop, recipe
        self.device = torch.device(workshop.torch_device)
        (name,) = workshop.devices
        self.clips = workshop.unpaired[name]
        mean_db, sd_db = band_mean_and_sd(self.clips)
        self.mean_db = float(mean_db.mean())
        spread = sd_db.square().mean() + mean_db.var(unbiased=False)
        self.sd_db = max(EPSILON, float(spread.sqrt()))
        n_out = recipe.width if recipe.objective == "jepa" else PATCH * PATCH
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(workshop.generator("weights").initial_seed())
            encoder = SpectrogramTransformer(
                1, width=recipe.width, depth=recipe.depth, n_heads=recipe.n_heads, dropout=0.0,
                step=PATCH,
            )  # fmt: skip
            predictor = Predictor(recipe.width, recipe.predictor_depth, recipe.n_heads, n_out)
        self.encoder, self.predictor = encoder.to(self.device), predictor.to(self.device)
        self.modules: dict[str, nn.Module] = {"encoder": encoder, "predictor": predictor}
        if recipe.objective == "jepa":
            self.modules["teacher"] = copy.deepcopy(encoder).requires_grad_(False)
        learned = [*encoder.parameters(), *predictor.parameters()]
        self.optimisers: dict[str, torch.optim.Optimizer] = {
            "all": torch.optim.AdamW(
                learned, lr=recipe.learning_rate, betas=(0.9, 0.95),
                weight_decay=recipe.weight_decay,
            )
        }  # fmt: skip
        self.epoch_steps = math.ceil(len(self.clips) / recipe.batch)
        self.n_steps = recipe.epochs * self.epoch_steps

    def run(self) -> None:
        """Train from the last checkpoint to the end."""
        first, means = 1, Means()
        found = self.workshop.resume()
        if found is not None:
            step, tensors, state = found
            restore(tensors, self.modules, self.optimisers, {}, self.device)
            means, first = Means(dict(state["sums"]), int(state["count"])), step + 1
        for step in range(first, self.n_steps + 1):
            means.add({self.recipe.objective: self.step(step)})
            if step % REPORT_STEPS == 0 or step == self.n_steps:
                self.workshop.report(step, self.n_steps, means.taken())
            if step % CHECKPOINT_STEPS == 0 and step < self.n_steps:
                tensors = flat(self.modules, self.optimisers, {})
                self.workshop.checkpoint(step, tensors, means.state())

    def artifact(self) -> Artifact:
        """Return the encoder without its classifier."""
        state = self.encoder.state_dict()
        return Artifact(
            tensors={k: v.cpu() for k, v in state.items() if not k.startswith("classifier.")},
            facts={
                "recipe": self.recipe.config(),
                "steps": self.n_steps,
                "samples": self.n_steps * self.recipe.batch,
                "clips": len(self.clips),
            },
        )

    def step(self, step: int) -> torch.Tensor:
        """Update encoder and predictor on one batch of crops; return the loss."""
        generator = self.workshop.generator("step", step)
        batch = self.clips.sample(self.recipe.batch, generator)
        x = ((spectrogram_of(batch) - self.mean_db) / self.sd_db).to(self.device)
        rows, columns = x.shape[-2] // PATCH, x.shape[-1] // PATCH
        if rows * columns < 2:
            raise ContractError(
                f"{x.shape[-2]} bins and {x.shape[-1]} frames hold no two patches of {PATCH} x "
                f"{PATCH}",
                fix="choose a front end with more bins, or longer crops in the budget",
            )
        x = x[..., : rows * PATCH, : columns * PATCH]
        seen, hidden = random_masks(len(x), rows * columns, self.recipe.masked, x, generator)
        codes = places(rows, columns, self.recipe.width, x.device)
        is_bf16 = self.workshop.precision == "bf16"
        with torch.autocast(x.device.type, torch.bfloat16, enabled=is_bf16):
            encoded = self.encoder.encoded(x, lambda tokens: chosen(tokens, seen))
            said = self.predictor(encoded, seen, hidden, codes)
        wanted = self._teacher(x) if self.recipe.objective == "jepa" else patches_of(x)
        loss = functional.mse_loss(said.float(), standardised(chosen(wanted, hidden)))
        optimiser = self.optimisers["all"]
        for group in optimiser.param_groups:
            group["lr"] = self.recipe.learning_rate * rate(step, self.n_steps)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        self._follow(step)
        return loss.detach()

    def _teacher(self, x: torch.Tensor) -> torch.Tensor:
        teacher = self.modules["teacher"]
        assert isinstance(teacher, SpectrogramTransformer)
        with torch.no_grad():
            return teacher.encoded(x).float()

    def _follow(self, step: int) -> None:
        """Move the slow copy a little towards the encoder; less and less."""
        if "teacher" not in self.modules:
            return
        momentum = 1 - (1 - self.recipe.momentum) * (1 - step / self.n_steps)
        with torch.no_grad():
            for slow, fast in zip(
                self.modules["teacher"].parameters(), self.encoder.parameters(), strict=True
            ):
                slow.lerp_(fast, 1 - momentum)


def patches_of(x: torch.Tensor) -> torch.Tensor:
    """Return the values of every patch, in the order of the encoder: [batch, patch, 256]."""
    return functional.unfold(x, PATCH, stride=PATCH).mT


def standardised(values: torch.Tensor) -> torch.Tensor:
    """Return values with mean 0 and deviation 1 in each patch: [batch, patch, value]."""
    deviation = values.var(dim=2, keepdim=True, unbiased=False).add(EPSILON).sqrt()
    return (values - values.mean(dim=2, keepdim=True)) / deviation


def rate(step: int, n_steps: int) -> float:
    """Return the learning rate as a share of its height: a linear rise, then half a cosine."""
    warm = max(1, round(WARM_UP * n_steps))
    if step <= warm:
        return step / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, n_steps - warm)))
