"""Artifact documents and their tensors, made without building anything."""

from __future__ import annotations

import hashlib
from typing import Any

import torch
from safetensors.torch import save

from devbench.benchmark.model import Features
from devbench.results.artifact import (
    ArtifactDocument,
    AskedBy,
    CodeIdentity,
    CorpusIdentity,
    FrontendIdentity,
    Identity,
    LossEntry,
    Made,
)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def identity(**change: Any) -> Identity:
    """Return an identity; keywords replace fields, those of corpus and code_sha256 by name."""
    fields: dict[str, Any] = {
        "name": "level",
        "config": {"n_steps": 6},
        "seed": 0,
        "devices": ["phone", "watch"],
        "needs": ["unpaired-target"],
        "acts_on": "spectrogram",
        "corpus": CorpusIdentity(name="tiny", version=1, fingerprint=sha("corpus")),
        "features": Features(),
        "frontend": FrontendIdentity(name="log-mel", version=1, options={}),
        "crop_frames": 16,
        "convert": sha("convert"),
        "responses": None,
        "code_sha256": CodeIdentity(build=sha("build"), frontend=sha("frontend")),
    }
    return Identity(**(fields | change))


def document_of(
    found: Identity | None = None, *, value: float = 1.0, **change: Any
) -> tuple[ArtifactDocument, bytes]:
    """Return a document and the bytes of its one tensor."""
    found = found or identity()
    data = save({"level": torch.full((4,), value)})
    fields: dict[str, Any] = {
        "key": found.key,
        "name": found.name,
        "origin": "built",
        "identity": found,
        "sha256": hashlib.sha256(data).hexdigest(),
        "n_parameters": 4,
        "size_bytes": len(data),
        "facts": {"n": 1},
        "losses": [LossEntry(step=step, losses={"gap_db": 1 / step}) for step in range(1, 41)],
        "n_steps": 40,
        "made": Made(
            at_utc="2026-01-01T00:00:00+00:00",
            versions={"torch": "2.11.0"},
            threads=1,
            device="cpu",
            precision="fp32",
            system="Linux",
            cpu="a CPU",
            gpus=[],
            seconds=1.5,
            peak_memory_mb=100.0,
        ),
        "method": AskedBy(
            name="learned-level", version=1, distribution="acme", distribution_version="1.0"
        ),
    }
    return ArtifactDocument(**(fields | change)), data
