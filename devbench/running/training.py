"""Training one classifier: plain torch, every draw keyed by (seed, purpose, epoch, step).

Nothing here knows a target device or a test clip. A run that is killed continues at its last
checkpoint and ends with the same bytes as one that was not.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from devbench.benchmark.model import Budget
from devbench.benchmark.seeds import seed_for
from devbench.contract.batch import Batch
from devbench.contract.method import Method
from devbench.errors import ContractError, RunError
from devbench.results.metrics import confusion, macro_f1
from devbench.running.checkpoints import newest_checkpoint, write_checkpoint
from devbench.running.classifier import Classifier, clip_logits
from devbench.running.clips import StagedClips

Report = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train. method_name keys the method's own draws; precision: fp32 or bf16 autocast."""

    budget: Budget
    selection: str
    seed: int
    precision: str
    method_name: str
    device: torch.device


@dataclass(frozen=True, slots=True)
class Trained:
    """The selected weights, the epoch (1 = first) they are from, and an entry per validation."""

    weights: dict[str, torch.Tensor]
    selected_epoch: int
    history: list[dict[str, Any]]


def train(
    model: Classifier,
    method: Method,
    data: StagedClips,
    val: StagedClips,
    recipe: Recipe,
    *,
    to_spectrogram: Callable[[Batch], Batch],
    checkpoints: Path,
    report: Report,
) -> Trained:
    """Train model on data with the method's augmentation and return the selected weights.

    to_spectrogram: turns an augmented waveform batch into spectrograms; identity otherwise.
    report: receives one dictionary per validation, with source numbers only; its seconds are since
    the one before.
    Raises RunError (state nan) with epoch and step when the loss is no number.
    """
    budget = recipe.budget
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=budget.learning_rate, weight_decay=budget.weight_decay
    )
    n_steps = math.ceil(len(data) / budget.batch)
    history: list[dict[str, Any]] = []
    best: dict[str, torch.Tensor] = {}
    best_key, best_epoch = (-1.0, 0), 0
    first = 1
    found = newest_checkpoint(checkpoints)
    if found is not None:
        epoch, tensors, state = found
        best = _restore(model, optimiser, tensors)
        history, best_epoch = state["history"], state["best_epoch"]
        best_key = max((_merit(recipe, entry) for entry in history), default=best_key)
        first = epoch + 1
    started = time.monotonic()
    for epoch in range(first, budget.epochs + 1):
        _seed_globals(recipe.seed, epoch)
        loss = train_epoch(
            model,
            method,
            data,
            optimiser,
            recipe,
            epoch=epoch,
            n_steps=n_steps,
            to_spectrogram=to_spectrogram,
        )
        if epoch % budget.validate_epochs == 0 or epoch == budget.epochs:
            val_loss, val_f1 = evaluate(model, val)
            entry = {"epoch": epoch, "loss": loss, "val_loss": val_loss, "val_macro_f1": val_f1}
            history.append(entry)
            if _merit(recipe, entry) > best_key:
                best_key, best_epoch = _merit(recipe, entry), epoch
                best = {
                    name: values.detach().clone() for name, values in model.state_dict().items()
                }
            seconds = time.monotonic() - started
            report({**entry, "seconds": seconds, "n_epochs": budget.epochs})
            started = time.monotonic()
        if epoch % budget.checkpoint_epochs == 0 and epoch < budget.epochs:
            state = {"history": history, "best_epoch": best_epoch}
            write_checkpoint(checkpoints, epoch, _tensors(model, optimiser, best), state)
    for name, tensor in best.items():
        if not bool(torch.isfinite(tensor).all()):
            raise RunError(
                f"the weights {name!r} are no finite numbers after training",
                fix="lower the learning rate or look at the method's augmentation",
                state="nan",
            )
    return Trained(best, best_epoch, history)


def _merit(recipe: Recipe, entry: dict[str, Any]) -> tuple[float, int]:
    """Return what selection compares; ties go to the later epoch: its learning rate is lower."""
    score = entry["val_macro_f1"] if recipe.selection == "source-val" else 0.0
    return float(score), int(entry["epoch"])


def train_epoch(
    model: Classifier,
    method: Method,
    data: StagedClips,
    optimiser: torch.optim.Optimizer,
    recipe: Recipe,
    *,
    epoch: int,
    n_steps: int,
    to_spectrogram: Callable[[Batch], Batch],
) -> float:
    """Train for one epoch (1 = first) and return its mean loss."""
    budget, seed, device = recipe.budget, recipe.seed, recipe.device
    generator = torch.Generator()
    generator.manual_seed(seed_for(seed, "order", epoch))
    order = torch.randperm(len(data), generator=generator).to(device)
    losses = []
    model.train()
    for step in range(n_steps):
        rows = order[step * budget.batch : (step + 1) * budget.batch]
        if len(rows) == 1 and n_steps > 1:
            continue  # batch statistics of one clip are none
        generator.manual_seed(seed_for(seed, "crop", epoch, step))
        plain = data.random_crops(rows, generator)
        generator.manual_seed(seed_for(seed, "augment", recipe.method_name, epoch, step))
        batch = method.augment(plain, generator)
        _require_same_form(plain, batch, recipe.method_name, thorough=step == 0)
        batch = to_spectrogram(batch)
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(budget, (epoch - 1) * n_steps + step, n_steps)
        with torch.autocast(device.type, torch.bfloat16, enabled=recipe.precision == "bf16"):
            logits = model(batch.clips)
        loss = functional.cross_entropy(logits.float(), batch.target)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(loss.detach())
    values = torch.stack(losses)
    finite = torch.isfinite(values)
    if not bool(finite.all()):
        bad = int(torch.nonzero(~finite)[0, 0])
        raise RunError(
            f"the loss is {float(values[bad])} in epoch {epoch}, step {bad + 1} of {n_steps}",
            fix=f"look at the augmentation of {recipe.method_name!r}, or lower the learning rate",
            state="nan",
        )
    return float(values.double().mean())


def evaluate(model: Classifier, clips: StagedClips) -> tuple[float, float]:
    """Return (mean cross-entropy, macro F1) of labelled source clips, in float32."""
    model.eval()
    logits = clip_logits(model, clips, clips.crop)
    loss = float(functional.cross_entropy(logits, clips.targets))
    if not math.isfinite(loss):
        raise RunError(
            "the loss on source validation clips is no number",
            fix="lower the learning rate, or look at the method's layers",
            state="nan",
        )
    labels = clips.targets.argmax(1).cpu().numpy()
    return loss, macro_f1(confusion(labels, logits.cpu().numpy(), clips.targets.shape[1]))


def learning_rate(budget: Budget, step: int, steps_per_epoch: int) -> float:
    """Return the learning rate of one step (0 = first): a function of the step alone."""
    if budget.schedule == "step":
        return budget.learning_rate * 0.1 ** (step // (steps_per_epoch * budget.step_epochs))
    warmup = budget.warmup_epochs * steps_per_epoch
    total = max(1, budget.epochs * steps_per_epoch - warmup)
    if step < warmup:
        return budget.learning_rate * (step + 1) / warmup
    return budget.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warmup) / total))


def _require_same_form(plain: Batch, batch: Batch, method: str, *, thorough: bool) -> None:
    """Refuse an augmented batch of another form; values are looked at once an epoch."""
    if not isinstance(batch, Batch):
        raise ContractError(
            f"augment of {method!r} returned {type(batch).__name__}", fix="return a Batch"
        )
    for name, before, after in (
        ("clips", plain.clips, batch.clips),
        ("target", plain.target, batch.target),
    ):
        if before.shape != after.shape or before.dtype != after.dtype:
            raise ContractError(
                f"augment of {method!r} changed {name} from {tuple(before.shape)} {before.dtype} "
                f"to {tuple(after.shape)} {after.dtype}",
                fix="keep shape and dtype; build the result with dataclasses.replace",
            )
    if thorough:
        if not bool(torch.isfinite(batch.clips).all()):
            raise RunError(
                f"augment of {method!r} returned NaN or infinity",
                fix="look for a division by zero or a logarithm of 0 in it",
                state="nan",
            )
        if bool(((batch.target.sum(1) - 1).abs() > 1e-4).any()):
            raise ContractError(
                f"targets from augment of {method!r} do not sum to 1",
                fix="mix targets with weights that sum to 1",
            )


def _seed_globals(seed: int, epoch: int) -> None:
    """Seed the global generators per epoch: code that uses them in spite of all resumes exactly."""
    value = seed_for(seed, "global", epoch)
    random.seed(value)
    np.random.seed(value % 2**32)  # noqa: NPY002
    torch.manual_seed(value)


def _tensors(
    model: Classifier, optimiser: torch.optim.Optimizer, best: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    tensors |= {f"best.{name}": tensor for name, tensor in best.items()}
    for index, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{name}": value for name, value in state.items()}
    return tensors


def _restore(
    model: Classifier, optimiser: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Load a checkpoint into model and optimiser and return the best weights so far."""

    def part(prefix: str) -> dict[str, torch.Tensor]:
        found = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        return found

    model.load_state_dict(part("model."))
    states: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in part("optimiser.").items():
        index, _, key = name.partition(".")
        states.setdefault(int(index), {})[key] = value
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": states, "param_groups": groups})
    return part("best.")
