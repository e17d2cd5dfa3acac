"""What MLflow shows of a record: its name, parameters, tags, metrics and times."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

import devbench
from devbench.files import canonical_json, sha256_bytes
from devbench.results.record import Plan, Record
from devbench.results.store import Failure

RUN_ID_TAG = "devbench.run_id"
SWEEP_ID_TAG = "devbench.sweep_id"
CLAIM_TAG = "devbench.claim"
PARENT_TAG = "mlflow.parentRunId"
DIGEST_TAG = "devbench.mirrored_sha256"
"""Set last: a run that carries the digest of its record was mirrored whole."""
REASON_TAGS = ("devbench.state", "devbench.reason", "devbench.phase")
EXPERIMENT_PREFIX = "devbench/"
ARTIFACT = "record.json"

_MAX_SECONDS = 1e12  # what a database holds as milliseconds
_MAX_TEXT = 4000  # characters; MLflow's limits are 6000 for a parameter and 8000 for a tag
_NOT_IN_KEYS = re.compile(r"[^A-Za-z0-9_.\- ]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


class Point(NamedTuple):
    """One value of a metric; step is the epoch, 0 for what is measured once."""

    key: str
    value: float
    step: int


@dataclass(frozen=True, slots=True)
class Content:
    """One MLflow run. Times in ms since 1970; artifact: the record's JSON text, if there is one.

    run_id: what it shows, by which it is found again: for the parent run of a sweep, the sweep_id.
    id_tag: the tag that holds it.
    """

    run_id: str
    digest: str
    experiment: str
    name: str
    status: str
    start_ms: int
    end_ms: int
    params: dict[str, str]
    tags: dict[str, str]
    metrics: list[Point] = field(default_factory=list)
    artifact: str | None = None
    id_tag: str = RUN_ID_TAG


def content_of_record(record: Record) -> Content:
    """Return how a finished run looks in MLflow."""
    text = record.to_json()
    start_ms, end_ms = times_ms(record.measured)
    return Content(
        run_id=record.run_id,
        digest=sha256_bytes(text),
        experiment=EXPERIMENT_PREFIX + record.plan.benchmark.id,
        name=_name(record.plan),
        status="FINISHED",
        start_ms=start_ms,
        end_ms=end_ms,
        params=_params(record.plan),
        tags=_tags(record.plan, record.run_id) | _result_tags(record),
        metrics=_metrics(record),
        artifact=text.decode(),
    )


def content_of_failure(failure: Failure) -> Content:
    """Return how a failed run looks in MLflow: no scores, and a reason."""
    words = {
        "devbench.state": clean(failure.state),
        "devbench.phase": clean(failure.phase),
        "devbench.reason": clean(failure.reason),
    }
    at_ms, _ = times_ms({"started_at": failure.at_utc})
    return Content(
        run_id=failure.run_id,
        digest=sha256_bytes(canonical_json(failure.model_dump(mode="json"))),
        experiment=EXPERIMENT_PREFIX + failure.plan.benchmark.id,
        name=_name(failure.plan),
        status="FAILED",
        start_ms=at_ms,
        end_ms=at_ms,
        params=_params(failure.plan),
        tags=_tags(failure.plan, failure.run_id) | words,
    )


def clean(text: str) -> str:
    """Return text as it may be stored and shown: no control characters, of bounded length."""
    text = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)
    return text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 1] + "…"


def key(*parts: str) -> str:
    """Return parts as one key that MLflow takes."""
    return _NOT_IN_KEYS.sub("_", ".".join(parts))[:200]


def _name(plan: Plan) -> str:
    return clean(f"{plan.method.name}·{plan.source}·{plan.seed}")


def _params(plan: Plan) -> dict[str, str]:
    """Return the plan, flat; MLflow never changes a parameter, and neither does a run_id."""
    values: dict[str, Any] = {
        "method": plan.method.name,
        "method_version": plan.method.version,
        "method_code_sha256": plan.method.code_sha256,
        "backbone": plan.backbone.name,
        "backbone_code_sha256": plan.backbone.code_sha256,
        "frontend": plan.frontend.name,
        "frontend_code_sha256": plan.frontend.code_sha256,
        "benchmark": plan.benchmark.id,
        "benchmark_version": plan.benchmark.version,
        "benchmark_sha256": plan.benchmark.sha256,
        "corpus": plan.corpus.name,
        "corpus_version": plan.corpus.version,
        "corpus_fingerprint": plan.corpus.fingerprint,
        "source": plan.source,
        "targets": " ".join(plan.targets),
        "fold": plan.fold,
        "budget": plan.budget,
        "seed": plan.seed,
        "threads": plan.threads,
        "device": plan.device,
        "precision": plan.precision,
        "isolation": plan.isolation,
    }
    for kind, part in (
        ("method", plan.method),
        ("backbone", plan.backbone),
        ("frontend", plan.frontend),
    ):
        values |= {key("options", kind, name): value for name, value in part.options.items()}
    values |= {key("versions", name): version for name, version in plan.versions.items()}
    return {key: clean(str(value)) for key, value in values.items()}


def _tags(plan: Plan, run_id: str) -> dict[str, str]:
    return {
        RUN_ID_TAG: run_id,
        "devbench.version": devbench.__version__,
        "devbench.track": clean(plan.method.track),
        "devbench.provenance": clean(plan.corpus.provenance),
        "devbench.distribution": clean(
            f"{plan.method.distribution} {plan.method.distribution_version}"
        ),
        "devbench.is_file": str(plan.method.is_file).lower(),
        "devbench.opened": clean(" ".join(plan.method.opened)),
        "mlflow.source.name": "devbench run",
        "mlflow.source.type": "LOCAL",
    }


def _result_tags(record: Record) -> dict[str, str]:
    uses = {use.key: use for model in record.models for use in model.artifacts}.values()
    artifacts = " ".join(f"{use.name}:{use.sha256[:12]}:{use.origin}" for use in uses)
    return ({"devbench.artifacts": clean(artifacts)} if artifacts else {}) | {
        "devbench.worst_device": clean(record.summary.worst_device),
        "devbench.logits_sha256": record.logits_sha256,
        "devbench.weights_sha256": clean(" ".join(m.weights_sha256 for m in record.models)),
        "devbench.independence": record.checks.independence,
        "devbench.warnings": clean("\n".join(record.warnings)),
    }


def _metrics(record: Record) -> list[Point]:
    summary = record.summary
    once: dict[str, Any] = {
        "macro_f1.mean_targets": summary.mean_targets,
        "worst_target": summary.worst_target,
        "source": summary.source,
        "spread": summary.spread,
        "mean_all": summary.mean_all,
    }
    for score in record.scores:
        once[key("macro_f1", score.device)] = score.macro_f1
        once[key("weighted_f1", score.device)] = score.weighted_f1
    for name, value in record.measured.items():  # names carry their units
        parts = value.items() if isinstance(value, Mapping) else [("", value)]
        once |= {key(*filter(None, (name, part))): number for part, number in parts}
    points = [Point(key, float(value), 0) for key, value in once.items() if _is_finite(value)]
    for model in record.models:
        suffix = () if model.target is None else (model.target,)
        for epoch in model.history:
            for name in ("loss", "val_loss", "val_macro_f1"):
                value = getattr(epoch, name)
                if _is_finite(value):
                    points.append(Point(key(name, *suffix), float(value), epoch.epoch))
    return points


def _is_finite(value: Any) -> bool:
    """Return whether a value is a number that a float can hold; JSON has larger whole ones."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= sys.float_info.max


def times_ms(measured: Mapping[str, Any]) -> tuple[int, int]:
    """Return start and end; 0 for a record without its time: MLflow then takes the present."""
    start_ms = 0
    started = measured.get("started_at")
    if isinstance(started, str):
        try:
            moment = datetime.fromisoformat(started)
        except ValueError:
            moment = datetime.fromtimestamp(0, UTC)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        start_ms = max(0, int(moment.timestamp() * 1000))
    times_s = measured.get("times_s")
    total_s = times_s.get("total", 0) if isinstance(times_s, Mapping) else 0
    is_time = _is_finite(total_s) and 0 <= total_s < _MAX_SECONDS
    return start_ms, start_ms + (int(total_s * 1000) if is_time else 0)
