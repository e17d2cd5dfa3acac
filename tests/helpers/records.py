"""Small valid records with logits and weights, made without torch."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from devbench.contract.access import Access, track_of
from devbench.results.logits import StoredLogits, assemble_logits, write_logits
from devbench.results.metrics import summarise
from devbench.results.record import (
    BenchmarkPlan,
    Checks,
    CorpusPlan,
    Epoch,
    MethodPlan,
    Model,
    PartPlan,
    Plan,
    Record,
)

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
    """Return a plan; changes are fields of Plan, or method=, options=, opened=, needs=, is_file=,
    per_target=, devices=, benchmark= (an id), corpus_fingerprint=, backbone=."""
    method = changes.pop("method", "freq-mixstyle")
    needs = changes.pop("needs", ["target-labels"] if method == "ideal" else [])
    devices = changes.pop("devices", DEVICES)
    source = changes.pop("source", devices[0])
    benchmark = changes.pop("benchmark", "sim7")
    fingerprint = changes.pop("corpus_fingerprint", sha("corpus"))
    code = changes.pop("code_sha256", sha(f"code of {method}"))

    def part(name: str) -> dict[str, Any]:
        return {
            "name": name,
            "version": 1,
            "distribution": "devbench",
            "distribution_version": "0.1.0",
            "code_sha256": sha(f"code of {name}"),
        }

    fields: dict[str, Any] = {
        "method": MethodPlan(
            **part(method) | {"code_sha256": code},
            options=changes.pop("options", {}),
            opened=changes.pop("opened", []),
            needs=needs,
            track=changes.pop("track", track_of(Access(need) for need in needs)),
            acts_on="spectrogram",
            per_target=changes.pop("per_target", False),
            is_file=changes.pop("is_file", False),
        ),
        "backbone": PartPlan(**part(changes.pop("backbone", "small-cnn"))),
        "frontend": PartPlan(**part("log-mel")),
        "benchmark": BenchmarkPlan(id=benchmark, version=1, sha256=sha(benchmark)),
        "corpus": CorpusPlan(
            name="sim7", version=1, fingerprint=fingerprint, provenance="simulated"
        ),
        "source": source,
        "targets": [device for device in devices if device != source],
        "fold": 0,
        "budget": "quick",
        "seed": 0,
        "threads": 1,
        "device": "cpu",
        "precision": "fp32",
        "isolation": "process",
        "versions": {"devbench": "0.1.0", "torch": "2.11.0"},
    }
    return Plan(**fields | changes)


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
    models, weights = [], {}
    for target in made_plan.targets if per_target else [None]:
        content = f"weights of {made_plan.run_id} for {target}".encode()
        weights[hashlib.sha256(content).hexdigest()] = content
        models.append(
            Model(
                target=target,
                weights_sha256=hashlib.sha256(content).hexdigest(),
                n_parameters=1234,
                selected_epoch=2,
                history=[
                    Epoch(epoch=1, loss=1.1, val_loss=1.2, val_macro_f1=0.5),
                    Epoch(epoch=2, loss=0.6, val_loss=0.9, val_macro_f1=0.75),
                ],
            )
        )
    scores = stored.scores(source=made_plan.source)
    record = Record(
        run_id=made_plan.run_id,
        plan=made_plan,
        classes=list(classes),
        scores=scores,
        summary=summarise(scores),
        models=models,
        logits_sha256=hashlib.sha256(data).hexdigest(),
        checks=Checks(independence="passed", max_difference=1e-7),
        measured={"times_s": {"fit": 12.5, "predict": 0.5}, "peak_memory_mb": {"fit": 300.0}},
    )
    return MadeRun(record, stored, data, weights)
