"""corpus.toml: what a corpus is, who made it and with which devices."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from devbench.audio.files import RATES_HZ
from devbench.contract.names import NAME_PATTERN
from devbench.contract.values import Device, Provenance
from devbench.errors import DataError
from devbench.files import read_toml
from devbench.models import validated

Slug = Annotated[str, Field(pattern=f"^{NAME_PATTERN}$", max_length=64)]


class DeviceEntry(BaseModel):
    """One device of corpus.toml."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    id: Slug
    label: str = Field(max_length=120)
    kind: str = Field(max_length=60)
    sample_rate_hz: int = Field(ge=RATES_HZ[0], le=RATES_HZ[1])
    provenance: Provenance


class CorpusHeader(BaseModel):
    """The whole of corpus.toml; unknown keys are errors.

    sample_rate_hz: rate of every sound file of the corpus. provenance: how the recordings came to
    be; every report repeats it.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    schema_version: Literal[1] = Field(alias="schema", serialization_alias="schema", default=1)
    name: Slug
    version: int = Field(ge=1)
    title: str = Field(max_length=200)
    provenance: Provenance
    licence: str = Field(max_length=4000)
    citation: str = Field(max_length=16_000)
    sample_rate_hz: int = Field(ge=RATES_HZ[0], le=RATES_HZ[1])
    devices: list[DeviceEntry] = Field(min_length=1, max_length=1000)

    @field_validator("devices")
    @classmethod
    def _are_different(cls, devices: list[DeviceEntry]) -> list[DeviceEntry]:
        ids = [device.id for device in devices]
        if twins := sorted({i for i in ids if ids.count(i) > 1}):
            raise ValueError(f"device {twins[0]!r} stands twice")
        return devices

    def device_values(self) -> tuple[Device, ...]:
        """Return the devices as contract values."""
        return tuple(Device(**entry.model_dump()) for entry in self.devices)


def read_header(path: Path) -> CorpusHeader:
    """Return the header of a corpus, or say which key is wrong."""
    if not path.exists():
        raise DataError(
            f"no corpus in {str(path.parent)!r}: {path.name} is missing",
            fix="make one with 'devbench data build' or 'devbench data import'",
        )
    return validated(CorpusHeader, read_toml(path), origin=str(path))


def header_toml(header: CorpusHeader) -> str:
    """Return the header as TOML text (strings in JSON quoting, which TOML shares)."""

    def value(item: object) -> str:
        return json.dumps(item, ensure_ascii=False).replace("\x7f", "\\u007f")  # TOML bans DEL

    fields = header.model_dump(mode="json", by_alias=True)
    devices = fields.pop("devices")
    lines = [f"{key} = {value(item)}" for key, item in fields.items()]
    for device in devices:
        lines += ["", "[[devices]]", *(f"{key} = {value(item)}" for key, item in device.items())]
    return "\n".join(lines) + "\n"
