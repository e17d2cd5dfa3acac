"""Plans and records that nobody ran, valid in every field: for examples, tests and measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from devbench.contract.access import Access, track_of
from devbench.files import sha256_bytes
from devbench.results.metrics import summarise
from devbench.results.record import (
    BenchmarkPlan,
    Checks,
    CorpusPlan,
    DeviceScore,
    Epoch,
    MethodPlan,
    Model,
    PartPlan,
    Plan,
    Record,
)

HISTORY = (
    Epoch(epoch=1, loss=1.1, val_loss=1.2, val_macro_f1=0.5),
    Epoch(epoch=2, loss=0.6, val_loss=0.9, val_macro_f1=0.75),
)
MEASURED: Mapping[str, Any] = {
    "times_s": {"fit": 12.5, "predict": 0.5},
    "peak_memory_mb": {"fit": 300.0},
}


def made_up_plan(
    *,
    method: str = "baseline",
    options: Mapping[str, Any] | None = None,
    opened: Sequence[str] = (),
    needs: Sequence[str] = (),
    track: str | None = None,
    per_target: bool = False,
    is_file: bool = False,
    code_sha256: str | None = None,
    backbone: str = "small-cnn",
    benchmark: str = "sim7",
    benchmark_sha256: str | None = None,
    corpus_fingerprint: str | None = None,
    devices: Sequence[str] = ("phone", "tablet", "watch"),
    source: str | None = None,
    **fields: Any,
) -> Plan:
    """Return a plan; fields are those of Plan that are as they stand, such as seed."""
    source = devices[0] if source is None else source
    whole: dict[str, Any] = {
        "method": MethodPlan(
            **_part(method) | ({"code_sha256": code_sha256} if code_sha256 else {}),
            options=dict(options or {}),
            opened=list(opened),
            needs=list(needs),
            track=track or track_of(Access(need) for need in needs),
            acts_on="spectrogram",
            per_target=per_target,
            is_file=is_file,
        ),
        "backbone": PartPlan(**_part(backbone)),
        "frontend": PartPlan(**_part("log-mel")),
        "benchmark": BenchmarkPlan(
            id=benchmark, version=1, sha256=benchmark_sha256 or sha256_bytes(benchmark.encode())
        ),
        "corpus": CorpusPlan(
            name="sim7",
            version=1,
            fingerprint=corpus_fingerprint or sha256_bytes(b"corpus"),
            provenance="simulated",
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
    return Plan(**whole | fields)


def made_up_record(
    plan: Plan,
    scores: Sequence[DeviceScore],
    *,
    classes: Sequence[str],
    history: Sequence[Epoch] = HISTORY,
    weights_sha256: Mapping[str | None, str] | None = None,
    logits_sha256: str | None = None,
    n_parameters: int = 1234,
    measured: Mapping[str, Any] = MEASURED,
) -> Record:
    """Return the record of a plan with those scores. weights_sha256: by target, None for all."""
    if weights_sha256 is None:
        weights_sha256 = {None: sha256_bytes(f"weights of {plan.run_id}".encode())}
    return Record(
        run_id=plan.run_id,
        plan=plan,
        classes=list(classes),
        scores=list(scores),
        summary=summarise(scores),
        models=[
            Model(
                target=target,
                weights_sha256=sha256,
                n_parameters=n_parameters,
                selected_epoch=history[-1].epoch,
                history=list(history),
            )
            for target, sha256 in weights_sha256.items()
        ],
        logits_sha256=logits_sha256 or sha256_bytes(f"logits of {plan.run_id}".encode()),
        checks=Checks(independence="passed", max_difference=1e-7),
        measured=dict(measured),
    )


def _part(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "version": 1,
        "distribution": "devbench",
        "distribution_version": "0.1.0",
        "code_sha256": sha256_bytes(f"code of {name}".encode()),
    }
