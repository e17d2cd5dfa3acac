"""The document of an artifact: what it was made from, what it is, and how it was made.

It lies beside the tensors: `artifact.json` and `weights.safetensors` in a folder of the store,
`<name>-<key>.json` and `.safetensors` where a plugin ships it or a person hands it on.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from devbench.benchmark.model import Features, Slug
from devbench.errors import DataError
from devbench.files import canonical_json, parse_json, pretty_json, read_bytes, sha256_bytes
from devbench.models import validated
from devbench.results.record import ArtifactMade, ArtifactUse, Sha256, Strict

SCHEMA = 1
Origin = Literal["built", "added", "shipped"]


class CorpusIdentity(Strict):
    """The corpus whose information an artifact was made from."""

    name: str
    version: int
    fingerprint: Sha256


class FrontendIdentity(Strict):
    """The front end whose spectrograms it was made from; its code's hash stands in CodeIdentity."""

    name: str
    version: int
    options: dict[str, bool | int | float | str]


class CodeIdentity(Strict):
    """Hashes of the modules of build and front end, with what they reach by relative imports."""

    build: Sha256
    frontend: Sha256


class Identity(Strict):
    """Everything an artifact is made from; its hash is the key.

    needs: what build could read. convert: hash of which unlabelled clips, None where it could read
    none; responses: hash of the frequency responses, likewise. Devices are sorted.
    """

    schema_version: Literal[1] = Field(alias="schema", serialization_alias="schema", default=1)
    name: Slug
    config: dict[str, Any]
    seed: int = Field(ge=0)
    devices: list[str] = Field(min_length=1)
    needs: list[str]
    acts_on: Literal["waveform", "spectrogram"]
    corpus: CorpusIdentity
    features: Features
    frontend: FrontendIdentity
    crop_frames: int
    convert: Sha256 | None
    responses: Sha256 | None
    code_sha256: CodeIdentity

    @property
    def key(self) -> str:
        """Return the SHA-256 of the identity's canonical JSON."""
        return sha256_bytes(canonical_json(self.model_dump(mode="json", by_alias=True)))

    def fits(self, wanted: Identity) -> bool:
        """Return whether a shipped artifact with this identity serves where `wanted` is asked for.

        Code may be of another state, and a generated corpus may differ in the last bit between
        machines, so that fingerprint and responses do; everything else is equal.
        """
        return self._core() == wanted._core()

    def _core(self) -> bytes:
        core = self.model_dump(mode="json")
        del core["corpus"]["fingerprint"], core["responses"], core["code_sha256"]
        return canonical_json(core)


class LossEntry(Strict):
    """Losses that build reported after a step."""

    step: int
    losses: dict[str, float]


class Made(Strict):
    """Where, when and how it was made. seconds: of all sessions; peak_memory_mb: of the last."""

    at_utc: str
    versions: dict[str, str]
    threads: int
    device: Literal["cpu", "cuda"]
    precision: Literal["fp32", "bf16"]
    system: str
    cpu: str
    gpus: list[str]
    seconds: float
    peak_memory_mb: float


class AskedBy(Strict):
    """The method that asked first."""

    name: str
    version: int
    distribution: str
    distribution_version: str


class ArtifactDocument(Strict):
    """One artifact. losses: thinned out evenly to at most some hundred entries."""

    schema_version: Literal[1] = Field(alias="schema", serialization_alias="schema", default=1)
    key: Sha256
    name: Slug
    origin: Literal["built", "added"]
    identity: Identity
    sha256: Sha256
    n_parameters: int
    size_bytes: int
    facts: dict[str, Any]
    losses: list[LossEntry]
    n_steps: int | None
    made: Made
    method: AskedBy

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        canonical_json([self.facts, self.identity.config])  # 1e999 is read as infinity
        if self.key != self.identity.key:
            raise ValueError("the key is not the hash of the identity: the document was changed")
        if self.name != self.identity.name:
            raise ValueError("name and identity.name differ: the document was changed")
        return self

    def to_json(self) -> bytes:
        """Return the document as it lies on disk."""
        return pretty_json(self.model_dump(mode="json", by_alias=True))

    def use(self, wanted: Identity, origin: Origin) -> ArtifactUse:
        """Return what a record says of its use where `wanted` was asked for."""
        made = self.made
        return ArtifactUse(
            name=self.name,
            key=self.key,
            sha256=self.sha256,
            origin=origin,
            same_corpus=self.identity.corpus == wanted.corpus,
            config=self.identity.config,
            devices=self.identity.devices,
            made=ArtifactMade(
                at_utc=made.at_utc,
                device=made.device,
                precision=made.precision,
                threads=made.threads,
                versions=made.versions,
                n_steps=self.n_steps,
            ),
        )


def parse_document(data: bytes, *, origin: str, fix: str) -> ArtifactDocument:
    """Return the document in data; DataError with that fix for damage or a newer schema."""
    try:
        document = parse_json(data, origin=origin)
    except DataError as error:
        raise DataError(f"{error.what} ({error.fix})", fix=fix) from error
    schema = document.get("schema") if isinstance(document, Mapping) else None
    if isinstance(schema, int) and schema > SCHEMA:
        raise DataError(
            f"{origin}: schema {schema} is newer than the {SCHEMA} this devbench reads",
            fix="update devbench",
        )
    try:
        return validated(ArtifactDocument, document, origin=origin, error_type=DataError)
    except DataError as error:
        raise DataError(f"{error.what} ({error.fix})", fix=fix) from error


def read_pair(path: Path, weights: Path, *, fix: str) -> tuple[ArtifactDocument, bytes]:
    """Return a document and the bytes of its tensors after checking their hash and size."""
    document = parse_document(_bytes(path, fix), origin=str(path), fix=fix)
    data = _bytes(weights, fix)
    if len(data) != document.size_bytes or sha256_bytes(data) != document.sha256:
        raise DataError(
            f"{weights} is damaged: its content does not have the hash in {path.name}", fix=fix
        )
    return document, data


def _bytes(path: Path, fix: str) -> bytes:
    try:
        return read_bytes(path)
    except DataError as error:
        raise DataError(error.what, fix=fix) from error
