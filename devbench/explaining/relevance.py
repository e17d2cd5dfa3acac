"""What diagnosis/<run_id>/relevance.json holds: which bands and times decide, per device."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from devbench.errors import DataError
from devbench.files import parse_json, pretty_json, read_bytes
from devbench.models import validated
from devbench.results.record import BenchmarkPlan, CorpusPlan, Fraction, PartPlan, Sha256, Strict

if TYPE_CHECKING:
    from devbench.explaining.bands import Bands

SCHEMA = 1
NAME = "relevance.json"
MEASURES = {"gradient-input": "gradient x input", "lrp": "layer-wise relevance propagation"}
Hertz = Annotated[float, Field(ge=0)]


class Missing(Strict):
    """A part that could not be made. part: its name; why: the fact; fix: the next step."""

    part: str
    why: str
    fix: str


class Measure(Strict):
    """Where one measure puts the logit of the predicted class, over the explained clips.

    share: [band] mean share of a clip's absolute relevance. signed: [band] mean relevance, logits.
    over_time: [band][part] mean share of absolute relevance. kept: median over clips of the sum of
    relevance over the logit; 1 where nothing is lost, None where the logits are 0.
    """

    share: list[Fraction]
    signed: list[float]
    over_time: list[list[Fraction]]
    kept: float | None


class DeviceRelevance(Strict):
    """One device. macro_f1: of all its test clips as they are; f1_lost: [band] without the band."""

    device: str
    role: Literal["source", "target"]
    n_clips: int
    macro_f1: Fraction
    f1_lost: list[float]
    measures: dict[str, Measure]


class Settings(Strict):
    """What was asked for. device, threads: what was computed on."""

    fill: Literal["clip-mean", "silence", "band-stop"]
    n_explained: int
    n_parts: int
    rules: str
    device: Literal["cpu", "cuda"]
    threads: int


class Relevance(Strict):
    """One run explained. domain: what relevance is given over before it is summed in bands.

    edges_hz: [band + 1]. command: what makes this document again. measured: seconds, memory.
    """

    schema_version: Literal[1] = Field(alias="schema", serialization_alias="schema", default=1)
    kind: Literal["relevance"] = "relevance"
    run_id: Sha256
    method: str
    backbone: PartPlan
    frontend: PartPlan
    benchmark: BenchmarkPlan
    corpus: CorpusPlan
    source: str
    fold: int
    weights_sha256: list[Sha256]
    domain: Literal["spectrogram", "waveform"]
    edges_hz: list[Hertz] = Field(min_length=3)
    settings: Settings
    devices: list[DeviceRelevance] = Field(min_length=1)
    missing: list[Missing] = Field(default_factory=list)
    warnings: list[str] = Field(default_factory=list)
    command: str
    versions: dict[str, str]
    measured: dict[str, float]

    @model_validator(mode="after")
    def _fits(self) -> Relevance:
        n_bands = len(self.edges_hz) - 1
        for device in self.devices:
            rows: list[list[Any]] = [device.f1_lost]
            for measure in device.measures.values():
                rows += [measure.share, measure.signed, measure.over_time]
            if any(len(row) != n_bands for row in rows):
                raise ValueError(f"{device.device}: not one value per band")
        return self

    @property
    def bands(self) -> Bands:
        """Return the bands."""
        from devbench.explaining.bands import Bands

        return Bands(tuple(self.edges_hz))

    def to_json(self) -> bytes:
        """Return the document as it lies on disk."""
        return pretty_json(self.model_dump(mode="json", by_alias=True))


def read_relevance(path: Path) -> Relevance:
    """Return the document in a file; DataError where it is damaged."""
    document = parse_json(read_bytes(path), origin=str(path))
    return validated(Relevance, document, origin=str(path), error_type=DataError)


def table(found: Relevance) -> list[list[str]]:
    """Return the table for people: a row per device and measure, a column per band.

    F1 lost is in points (hundredths), shares are in percent.
    """
    rows = [["", *found.bands.names()]]
    for device in found.devices:
        words = f"{device.device} ({device.role}), F1 {device.macro_f1:.3f}"
        rows.append([words, *("" for _ in device.f1_lost)])
        rows.append(["  F1 points lost", *(f"{100 * lost:z.1f}" for lost in device.f1_lost)])
        for name, measure in device.measures.items():
            rows.append([f"  {name}, %", *(f"{100 * share:.0f}" for share in measure.share)])
    return rows
