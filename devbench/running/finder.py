"""Artifacts in a worker: what a method asks for is found, or the worker ends and says what to make.

Nothing is built here: a method's own process holds labelled source clips.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devbench.contract.artifact import Artifact
from devbench.contract.side import ArtifactRequest
from devbench.errors import ContractError, DataError
from devbench.files import canonical_json
from devbench.results.shelf import SHIPPED_FOLDER, Shelf, Shelved, best_shipped, package_folders
from devbench.running.code_hash import code_sha256
from devbench.running.guard import Allow
from devbench.running.identity import identity_of
from devbench.running.jobs import Asker, Shelves, Wish

if TYPE_CHECKING:
    import torch

    from devbench.contract.artifact import Build
    from devbench.results.artifact import Identity
    from devbench.results.record import ArtifactUse


class ArtifactMissing(BaseException):
    """An artifact must be made first; no Exception, so that no plugin takes it for a failure."""

    def __init__(self, wish: Wish) -> None:
        super().__init__(wish.name)
        self.wish = wish

    def result(self) -> dict[str, Any]:
        """Return what the worker's task answers instead of its result."""
        return {"missing": self.wish.model_dump(mode="json")}


@dataclass(eq=False)
class Finder:
    """Answers `side.artifact` of one set of targets. uses: what was found, in order.

    method_file: of a --plugin FILE, else ''. allow: of the guard. asker: see Wish.
    """

    shelves: Shelves
    method_file: str
    allow: Allow
    asker: Asker = "method"
    uses: list[ArtifactUse] = field(default_factory=list)
    missing: ArtifactMissing | None = None

    def __call__(self, request: ArtifactRequest) -> Artifact:
        """Return the artifact; raise ArtifactMissing where it must be made first."""
        wish = wish_of(request, self.method_file, self.asker)
        wanted = identity_of(self.shelves.information, wish)
        found = self._shipped(request, wanted) if request.use_shipped else None
        found = found or self._stored(wanted.key)
        if found is None:
            self.missing = ArtifactMissing(wish)
            raise self.missing
        document = found.document
        tensors = tensors_of(found)
        use = document.use(wanted, found.origin)
        if use not in self.uses:
            self.uses.append(use)
        return Artifact(
            tensors=tensors,
            facts=document.facts,
            key=document.key,
            sha256=document.sha256,
            origin=found.origin,
        )

    def _shipped(self, request: ArtifactRequest, wanted: Identity) -> Shelved | None:
        for package in package_folders(request.build.__module__):
            self.allow(package / SHIPPED_FOLDER)
            found = best_shipped(package, wanted)
            if found is not None:
                return found
        return None

    def _stored(self, key: str) -> Shelved | None:
        shelf = Shelf(Path(self.shelves.folder))
        if self.shelves.only is not None and key not in self.shelves.only:
            return None
        self.allow(shelf.place(key))
        return shelf.get(key) if shelf.has(key) else None


def tensors_of(found: Shelved) -> Mapping[str, torch.Tensor]:
    """Return the tensors of an artifact after checking the hash of their file."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        tensors: Mapping[str, torch.Tensor] = load(found.read())
    except SafetensorError as error:
        raise DataError(f"{found.weights}: {str(error)[:200]}", fix=found.fix) from error
    return tensors


def wish_of(request: ArtifactRequest, method_file: str, asker: Asker = "method") -> Wish:
    """Return a request as JSON values; ContractError for what cannot be built elsewhere."""
    module, name = _place_of(request.build, request.name)
    file = Path(str(sys.modules[module].__file__))
    try:
        config = json.loads(canonical_json(dict(request.config)))
    except (TypeError, ValueError) as error:
        raise ContractError(
            f"config of artifact {request.name!r} holds what is no JSON value: {error}",
            fix="pass numbers, texts, lists and mappings only",
        ) from error
    if type(request.seed) is not int or request.seed < 0:
        raise ContractError(
            f"artifact {request.name!r}: seed {request.seed!r}", fix="pass a whole number from 0"
        )
    is_own_file = bool(method_file) and file.resolve() == Path(method_file)
    return Wish(
        asker=asker,
        name=request.name,
        config=config,
        build=f"{module}:{name}",
        file=method_file if is_own_file else "",
        code_sha256=code_sha256(file),
        devices=list(request.devices),
        seed=request.seed,
    )


def _place_of(build: Build, artifact: str) -> tuple[str, str]:
    """Return module and name of a function at the top of a module."""
    module = getattr(build, "__module__", None)
    name = getattr(build, "__qualname__", "")
    home = sys.modules.get(module) if isinstance(module, str) else None
    is_there = home is not None and getattr(home, str(name), None) is build
    if not is_there or not getattr(home, "__file__", None):
        raise ContractError(
            f"artifact {artifact!r}: build is {name or repr(build)[:80]!r}, which is no function "
            "at the top of a module",
            fix="define it there with def, and pass all it depends on in config",
        )
    return str(module), str(name)
