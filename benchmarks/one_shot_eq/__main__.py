"""How well one-shot EQ finds the settings of an equaliser, beside what the paper says.

    python -m devbench_benchmarks.one_shot_eq [--corpus DIR --device ID]
        [--comparison learned linear log spectrum] [--budget paper] [--steps N] [--input-s 3 12]
        [--pairs 500] [--out DIR] [--torch-device auto]

Trains one estimator per comparison and measures the mean absolute error of every setting on
recordings that none was trained on. What was trained or measured before is taken from --out; a
training that was interrupted goes on. Two controls are measured on the same pairs: the middle of
every grid (0 dB), and a random guess.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import torch

from devbench import Artifact, seed_for
from devbench.errors import DevbenchError
from devbench.files import canonical_json, pretty_json, publish, read_json
from devbench.running.checkpoints import tensors_from_file, tensors_to_bytes
from devbench.running.hardware import best_device
from devbench_plugins.equalisation.excerpts import Excerpts
from devbench_plugins.equalisation.matching import PAIRS_PER_BATCH, Matcher
from devbench_plugins.equalisation.recipes import (
    BUDGETS,
    Comparison,
    EstimatorRecipe,
    estimator_recipe,
)
from devbench_plugins.equalisation.scene import staged_pair
from devbench_plugins.equalisation.settings import N_CLASSES, N_SETTINGS, Grids
from devbench_plugins.equalisation.training import build

from .folder_workshop import FolderWorkshop
from .recordings import Recordings, of_corpus, speech_like
from .table import Figures, figures_of, published, rendered

HERE = Path(__file__).parent
MIDDLE = N_CLASSES // 2
CONTROLS = ("0 dB", "random")


def main(arguments: Sequence[str] | None = None) -> int:
    """Train what is missing, measure what is missing, print a table per length of input."""
    given = _parsed(arguments)
    device = torch.device(best_device() if given.torch_device == "auto" else given.torch_device)
    try:
        rows = published(given.published)
        if given.corpus is None:
            sound = speech_like(given.recordings, given.sample_rate_hz, given.seed, device)
        else:
            sound = of_corpus(given.corpus, given.device, device)
        trained = {name: _trained(name, sound, given, device) for name in given.comparison}
        for input_s in given.input_s:
            figures = _measured(trained, sound, given, input_s, device)
            print(f"\n{_title(sound, trained, given, input_s)}\n")
            print(rendered(figures, rows, input_s))
    except DevbenchError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--corpus", type=Path, help="folder of a corpus; else speech-like sound")
    parser.add_argument("--device", default="", help="whose clips of the corpus")
    parser.add_argument("--comparison", nargs="+", choices=get_args(Comparison),
                        default=list(get_args(Comparison)))  # fmt: skip
    parser.add_argument("--budget", choices=sorted(BUDGETS), default="paper")
    parser.add_argument("--steps", type=int, help="at most so many steps of training")
    parser.add_argument("--input-s", nargs="+", type=float, default=[3.0, 12.0])
    parser.add_argument("--pairs", type=int, default=500)
    parser.add_argument("--recordings", type=int, default=200, help="voices to train on")
    parser.add_argument("--sample-rate-hz", type=int, default=44_100, help="of speech-like sound")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(".devbench") / "one-shot-eq")
    parser.add_argument("--published", type=Path, default=HERE / "published.csv")
    parser.add_argument("--torch-device", choices=["auto", "cpu", "cuda"], default="auto")
    return parser.parse_args(arguments)


def _recipe(name: Comparison, sound: Recordings, given: argparse.Namespace) -> EstimatorRecipe:
    recipe = estimator_recipe(
        given.budget, given.budget, sample_rate_hz=sound.sample_rate_hz, comparison=name
    )
    if given.steps is None:
        return recipe
    every = max(1, min(recipe.validate_steps, given.steps // 5))
    return replace(recipe, steps=given.steps, validate_steps=every)


def _trained(
    name: Comparison, sound: Recordings, given: argparse.Namespace, device: torch.device
) -> Artifact:
    """Return the estimator with one comparison, from the folder or trained into it."""
    recipe = _recipe(name, sound, given)
    wish = {"recipe": recipe.config(), "sound": sound.identity, "seed": given.seed}
    key = hashlib.sha256(canonical_json(wish)).hexdigest()[:16]
    folder = given.out / f"{name}-{key}"
    weights, told = folder / "estimator.safetensors", folder / "estimator.json"
    if told.exists():
        found = read_json(told)
        tensors = tensors_from_file(weights, found["sha256"])
        return Artifact(tensors, found["facts"], key=key, sha256=found["sha256"])
    folder.mkdir(parents=True, exist_ok=True)
    shop = FolderWorkshop(
        sound.train, folder / "checkpoints", name=name, seed=given.seed, device=device
    )
    made = build(shop, recipe.config())
    data = tensors_to_bytes(dict(made.tensors))
    sha256 = hashlib.sha256(data).hexdigest()
    publish(weights, data, replace=True)
    publish(told, pretty_json({**wish, "sha256": sha256, "facts": made.facts}), replace=True)
    return Artifact(made.tensors, made.facts, key=key, sha256=sha256)


def _measured(
    trained: dict[str, Artifact],
    sound: Recordings,
    given: argparse.Namespace,
    input_s: float,
    device: torch.device,
) -> dict[str, Figures]:
    """Return the figures of every estimator and control on the same pairs."""
    shown = [trained[name].key for name in trained]
    wish = {"estimators": shown, "pairs": given.pairs, "input_s": input_s, "seed": given.seed}
    key = hashlib.sha256(canonical_json(wish)).hexdigest()[:16]
    path = given.out / f"figures-{key}.json"
    if path.exists():
        kept = read_json(path)["figures"]
        return {name: Figures(**kept[name]) for name in (*trained, *CONTROLS)}
    truth, found, expected = _predicted(trained, sound, given, input_s, device)
    grids = Grids.at(sound.sample_rate_hz)
    figures = {
        name: figures_of(classes, truth, grids, expected=expected.get(name))
        for name, classes in found.items()
    }
    publish(
        path,
        pretty_json({**wish, "figures": {name: f.document() for name, f in figures.items()}}),
        replace=True,
    )
    return figures


def _predicted(
    trained: dict[str, Artifact],
    sound: Recordings,
    given: argparse.Namespace,
    input_s: float,
    device: torch.device,
) -> tuple[torch.Tensor, dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Return the classes that were drawn, those that are likeliest, and the expected settings.

    Classes are [pair, 12], settings [pair, 3, band] and of estimators alone.
    """
    matchers = {name: Matcher(artifact, device) for name, artifact in trained.items()}
    gate_lufs = next(iter(matchers.values())).recipe.gate_lufs
    excerpts = Excerpts.of(sound.test, sound.sample_rate_hz, gate_lufs)
    grids = Grids.at(sound.sample_rate_hz).to(device)
    n_samples = round(input_s * sound.sample_rate_hz)
    rng = torch.Generator().manual_seed(seed_for(given.seed, "test", str(input_s)))
    parts: dict[str, list[torch.Tensor]] = {}
    for first in range(0, given.pairs, PAIRS_PER_BATCH):
        n = min(PAIRS_PER_BATCH, given.pairs - first)
        truth = torch.randint(N_CLASSES, (n, N_SETTINGS), generator=rng)
        guess = torch.randint(N_CLASSES, (n, N_SETTINGS), generator=rng)
        x, y = (part.to(device) for part in excerpts.draw_pairs(n, n_samples, rng))
        x, y = staged_pair(x, y, grids.values(truth.to(device)), sound.sample_rate_hz, rng)
        classes = {"truth": truth, "0 dB": torch.full_like(truth, MIDDLE), "random": guess}
        for name, matcher in matchers.items():
            with torch.no_grad():
                logits = matcher.network.judge(matcher.embeddings(x), matcher.embeddings(y))
            classes[name] = logits.argmax(dim=2).cpu()
            classes[f"{name} expected"] = grids.expected(logits).cpu()
        for name, part in classes.items():
            parts.setdefault(name, []).append(part)
        print(f"measured {first + n} of {given.pairs} pairs of {input_s:g} s", file=sys.stderr)
    found = {name: torch.cat(parts[name]) for name in (*trained, *CONTROLS)}
    expected = {name: torch.cat(parts[f"{name} expected"]) for name in trained}
    return torch.cat(parts["truth"]), found, expected


def _title(
    sound: Recordings, trained: dict[str, Artifact], given: argparse.Namespace, input_s: float
) -> str:
    facts: dict[str, Any] = {name: artifact.facts["steps"] for name, artifact in trained.items()}
    steps = ", ".join(f"{name} {n}" for name, n in facts.items())
    return (
        f"{sound.identity['sound']}, {sound.sample_rate_hz} Hz, {input_s:g} s of input, "
        f"{given.pairs} pairs; steps: {steps}"
    )


if __name__ == "__main__":
    sys.exit(main())
