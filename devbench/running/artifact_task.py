"""Task 'artifact': let a plugin's function learn from declared side information of some devices.

There is no labelled clip here, and where several devices are, nothing says which is the source.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from devbench.contract.artifact import Artifact, Build
from devbench.errors import ContractError, DevbenchError, PluginError, RunError
from devbench.files import canonical_json, publish, sha256_bytes
from devbench.registry import PluginRef, load_module
from devbench.running import guard
from devbench.running.checkpoints import tensors_to_bytes
from devbench.running.classifier import set_up_torch
from devbench.running.code_hash import code_sha256
from devbench.running.jobs import ArtifactJob, Wish
from devbench.running.plugin_faults import naming
from devbench.running.worker import Channel
from devbench.running.workshop import StagedWorkshop

MAX_FACTS_BYTES = 2**20


def run(job_data: Any, channel: Channel) -> dict[str, Any]:
    """Write out/weights.safetensors and return its hash and what the document says of it."""
    job = ArtifactJob.model_validate(job_data)
    device = set_up_torch(job)
    here = Path.cwd()
    plugin = PluginRef(**job.plugin)
    guard.install(
        here,
        lambda words: channel.send({"event": "violation", "words": words}),
        plugins=[plugin],
    )
    name = job.wish.name
    with naming(plugin, f"the build of artifact {name!r}", here):
        build = _imported(job.wish, plugin)
        workshop = StagedWorkshop(job, here, device, channel)
        artifact = build(workshop, job.wish.config)
        tensors, facts = checked(artifact, name)
    data = tensors_to_bytes(tensors)
    publish(here / "out" / "weights.safetensors", data, replace=True)
    return {
        "sha256": sha256_bytes(data),
        "size_bytes": len(data),
        "n_parameters": sum(tensor.numel() for tensor in tensors.values()),
        "facts": facts,
        "losses": workshop.log.entries(),
        "n_steps": workshop.log.n_steps,
        "seconds": round(workshop.seconds, 3),
    }


def _imported(wish: Wish, plugin: PluginRef) -> Build:
    """Return the function that a wish names, from code that has the hash it was asked with."""
    module_name, _, function = wish.build.partition(":")
    if wish.file:
        load_module(plugin)
    else:
        try:
            importlib.import_module(module_name)
        except DevbenchError:
            raise
        except (Exception, SystemExit) as error:
            raise PluginError(
                f"artifact {wish.name!r}: {module_name} cannot be imported: "
                f"{type(error).__name__}: {error}",
                fix="define build in a module that can be imported by its name",
            ) from error
    module = sys.modules[module_name]
    if code_sha256(Path(str(module.__file__))) != wish.code_sha256:
        raise RunError(
            f"the code of {module_name} changed while artifact {wish.name!r} was asked for",
            fix="type the command again",
            state="plugin",
        )
    build: Build = getattr(module, function)
    return build


def checked(artifact: object, name: str) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Return copies of the tensors on the CPU, and the facts; refuse what cannot be kept."""
    if not isinstance(artifact, Artifact):
        raise ContractError(
            f"build of artifact {name!r} returned {type(artifact).__name__}",
            fix="return Artifact(tensors={...}, facts={...})",
        )
    if not isinstance(artifact.tensors, Mapping) or not artifact.tensors:
        raise ContractError(
            f"build of artifact {name!r} returned no tensors", fix="give tensors by name"
        )
    for key, tensor in artifact.tensors.items():
        if not isinstance(key, str) or not isinstance(tensor, torch.Tensor):
            raise ContractError(
                f"tensor {key!r} of artifact {name!r} is {type(tensor).__name__}",
                fix="give torch tensors by name",
            )
        if not bool(torch.isfinite(tensor).all()):
            raise RunError(
                f"tensor {key!r} of artifact {name!r} holds NaN or infinity",
                fix="lower the learning rate, or look for a division by zero in build",
                state="nan",
            )
    copies = {
        key: tensor.detach().to("cpu", copy=True).clone()
        for key, tensor in artifact.tensors.items()
    }
    return copies, _checked_facts(artifact, name)


def _checked_facts(artifact: Artifact, name: str) -> dict[str, Any]:
    try:
        facts = dict(artifact.facts)
        size = len(canonical_json(facts))
    except (TypeError, ValueError) as error:
        raise ContractError(
            f"facts of artifact {name!r} hold what is no JSON value: {error}",
            fix="give finite numbers, texts, lists and mappings",
        ) from error
    if size > MAX_FACTS_BYTES:
        raise ContractError(
            f"facts of artifact {name!r} are {size} bytes long", fix="keep them short"
        )
    return facts
