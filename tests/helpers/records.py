"""Small valid records with logits and weights, made without torch."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from devbench.plugin_kit.made_up import made_up_plan, made_up_record
from devbench.results.logits import StoredLogits, assemble_logits, write_logits
from devbench.results.record import Plan, Record

DEVICES = ("iphone14", "lggram", "applewatchse")
CLASSES = ("bell", "dog", "rain")


@dataclass(frozen=True)
class MadeRun:
    """A record with everything it refers to. weights: bytes by SHA-256."""

    record: Record
    stored: StoredLogits
    logits: bytes
    weights: dict[str, bytes]


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def make_plan(**changes: Any) -> Plan:
    """Return a plan; changes are those of `made_up_plan`."""
    method = changes.setdefault("method", "freq-mixstyle")
    changes.setdefault("needs", ["target-labels"] if method == "ideal" else [])
    return made_up_plan(**{"devices": DEVICES, **changes})


def make_run(
    *, skill: float = 2.0, n_events: int = 9, classes: tuple[str, ...] = CLASSES, **plan: Any
) -> MadeRun:
    """Return a run whose logits are noise plus `skill` at the true class; the plan seeds the noise.

    The source is easier than the targets. Every class has clips on every device.
    """
    made_plan = make_plan(**plan)
    per_target = made_plan.method.per_target
    scored = [*([] if per_target else [made_plan.source]), *made_plan.targets]
    rng = np.random.default_rng(int(made_plan.run_id[:8], 16))
    labels, logits = {}, {}
    for place, device in enumerate(scored):
        for event in range(n_events):
            key = (device, f"event-{event:03d}")
            labels[key] = classes[event % len(classes)]
            vector = rng.normal(size=len(classes))
            vector[event % len(classes)] += skill / (1 + 0.5 * place)
            logits[key] = vector.astype(np.float32)
    stored = assemble_logits(devices=tuple(scored), classes=classes, labels=labels, logits=logits)
    data = write_logits(stored)
    contents = {
        target: f"weights of {made_plan.run_id} for {target}".encode()
        for target in (made_plan.targets if per_target else [None])
    }
    names = {target: hashlib.sha256(content).hexdigest() for target, content in contents.items()}
    record = made_up_record(
        made_plan,
        stored.scores(source=made_plan.source),
        classes=classes,
        weights_sha256=names,
        logits_sha256=hashlib.sha256(data).hexdigest(),
    )
    weights = {names[target]: content for target, content in contents.items()}
    return MadeRun(record, stored, data, weights)
