"""What methods are tried with in tests: the kit's devices in memory, with converters made small."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import torch

from devbench import Artifact, FrequencyResponse, MethodSpec, SideInformation
from devbench.contract.side import ArtifactRequest
from devbench.files import canonical_json, parse_json
from devbench.plugin_kit import memory
from devbench.plugin_kit.memory import (
    DEVICES,
    N_BINS,
    N_CLASSES,
    MemoryView,
    MemoryWorkshop,
    batch_for,
    batch_of,
    bin_centres_hz,
    clips_of,
    labelled_view,
    one_hot,
    tilt_response,
    tilts,
    unlabelled_view,
    view_for,
    waveform_batch_of,
    waveform_view,
)

__all__ = [
    "DEVICES",
    "N_BINS",
    "N_CLASSES",
    "MemoryView",
    "MemoryWorkshop",
    "batch_for",
    "batch_of",
    "bin_centres_hz",
    "clips_of",
    "fitted",
    "generator_of",
    "labelled_view",
    "one_hot",
    "side_of",
    "small_config",
    "tilt_response",
    "tilts",
    "unlabelled_view",
    "view_for",
    "waveform_batch_of",
    "waveform_view",
]

SMALL = {"width": 4, "n_blocks": 1, "critic_width": 4, "batch": 4, "buffer": 4}
"""A converter that trains in a second."""
SMALL_ESTIMATOR = {"hop_ms": 20.0, "input_s": 0.75, "batch": 2, "steps": 2, "n_validation": 2}


def small_config(name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration of a converter, or of an estimator, made small."""
    if name == "one-shot-eq":
        return {**config, **SMALL_ESTIMATOR}
    short = {"epoch_steps": 1, "kept_epochs": [1, 2]} if name == "mc" else {"epochs": 1}
    return {**config, **SMALL, **short}


def _small_artifact(request: ArtifactRequest) -> Artifact:
    config = canonical_json(small_config(request.name, request.config))
    return _built(request.build, config, request.devices, request.seed)


@lru_cache
def _built(build: Any, config: bytes, devices: tuple[str, ...], seed: int) -> Artifact:
    found = parse_json(config, origin="config")
    acts_on = "waveform" if "sample_rate_hz" in found else "spectrogram"
    made: Artifact = build(MemoryWorkshop(devices, seed, acts_on=acts_on), found)
    # mc asks for the networks after 100 and after 200 epochs: here those after one and two
    tensors = {
        re.sub(r"^epoch-([12])\.", r"epoch-\g<1>00.", name): tensor
        for name, tensor in made.tensors.items()
    }
    return replace(made, tensors=tensors)


def side_of(
    spec: MethodSpec, *, responses: Mapping[str, FrequencyResponse] | None = None
) -> SideInformation:
    """Return side information that holds everything and shows what the spec declares."""
    return memory.side_of(spec, responses=responses, artifact=_small_artifact)


def generator_of(seed: int) -> torch.Generator:
    """Return a generator with this seed."""
    return torch.Generator().manual_seed(seed)


def fitted(spec: MethodSpec, **options: object) -> Any:
    """Return the built method after fit on the in-memory devices."""
    method = spec.build(**options)
    method.fit(labelled_view(DEVICES[0]), side_of(spec), generator_of(3))
    return method
