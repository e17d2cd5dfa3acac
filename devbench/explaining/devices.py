"""What diagnosis/<name or run_id>/devices.json holds: how devices differ, and what it costs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from devbench.errors import DataError
from devbench.explaining.relevance import Missing
from devbench.files import parse_json, pretty_json, read_bytes
from devbench.models import validated
from devbench.results.record import CorpusPlan, Fraction, Sha256, Strict

SCHEMA = 1
NAME = "devices.json"
Curve = list[float]


class DeviceEstimate(Strict):
    """One device, as its recordings say (explaining/estimates.py says how each is estimated).

    The last seven are relative to the reference and None for itself; response_rms_db: RMS of the
    response over its bands after its mean is taken off. response_gain_db: by how much the response
    alone changes the level of the reference's clips. slope: of compression, in dB per dB.
    """

    device: str
    n_clips: int
    level_dbfs: float
    loudest_dbfs: float
    noise_dbfs: float
    noise_below_level_db: float
    noise_hz: Curve
    noise_db: Curve
    clipped_share: Fraction
    crest_db: float
    peak_dbfs: float
    n_pairs: int = 0
    how: Literal["paired", "long-term"] | None = None
    gain_db: float | None = None
    response_hz: Curve | None = None
    response_db: Curve | None = None
    response_rms_db: Annotated[float, Field(ge=0)] | None = None
    response_gain_db: float | None = None
    slope: float | None = None


class DeviceLoss(Strict):
    """What one target costs. lost: of the record, macro F1 on the source minus on the target.

    by_impairment: the same where the source's test clips have one impairment of the target, in
    the order from the dearest to the cheapest; together: where they have all.
    """

    device: str
    source_f1: Fraction
    lost: float
    by_impairment: dict[str, float]
    together: float

    @property
    def ranking(self) -> list[str]:
        """Return the impairments from the dearest to the cheapest."""
        return sorted(self.by_impairment, key=lambda name: -self.by_impairment[name])


class RunLoss(Strict):
    """What the devices cost one run. mean: over targets, by impairment, and together."""

    run_id: Sha256
    method: str
    backbone: str
    frontend: str
    source: str
    weights_sha256: list[Sha256]
    devices: list[DeviceLoss] = Field(min_length=1)

    def mean(self, name: str) -> float:
        """Return the mean over targets of what an impairment costs, or 'lost' or 'together'."""
        values = [
            getattr(d, name) if name in ("lost", "together") else d.by_impairment[name]
            for d in self.devices
        ]
        return float(sum(values)) / len(values)


class Devices(Strict):
    """The devices of a corpus. events: of which clips were taken. seed: of simulated noise."""

    schema_version: Literal[1] = Field(alias="schema", serialization_alias="schema", default=1)
    kind: Literal["devices"] = "devices"
    name: str
    corpus: CorpusPlan
    reference: str
    n_events: int
    devices: list[DeviceEstimate] = Field(min_length=1)
    run: RunLoss | None = None
    seed: int
    missing: list[Missing] = Field(default_factory=list)
    command: str
    versions: dict[str, str]
    measured: dict[str, float]

    @model_validator(mode="after")
    def _knows_its_reference(self) -> Devices:
        if self.reference not in {device.device for device in self.devices}:
            raise ValueError("the reference is none of the devices")
        return self

    def to_json(self) -> bytes:
        """Return the document as it lies on disk."""
        return pretty_json(self.model_dump(mode="json", by_alias=True))


def read_devices(path: Path) -> Devices:
    """Return the document in a file; DataError where it is damaged."""
    document = parse_json(read_bytes(path), origin=str(path))
    return validated(Devices, document, origin=str(path), error_type=DataError)


def device_table(found: Devices) -> list[list[str]]:
    """Return the table for people: a row per device."""
    rows = [["device", "level dBFS", "gain dB", "response RMS dB", "noise below dB", "slope dB/dB",
             "clipped %", "crest dB", "pairs"]]  # fmt: skip
    for device in found.devices:
        words = "reference" if device.device == found.reference else ""
        rows.append(
            [
                f"{device.device}{' (reference)' if words else ''}",
                f"{device.level_dbfs:.1f}",
                _signed(device.gain_db),
                _plain(device.response_rms_db, 1),
                f"{device.noise_below_level_db:.1f}",
                _plain(device.slope, 2),
                f"{100 * device.clipped_share:.2f}",
                f"{device.crest_db:.1f}",
                str(device.n_pairs) if not words else "-",
            ]
        )
    return rows


def loss_table(run: RunLoss) -> list[list[str]]:
    """Return the table for people: F1 points lost, a row per target and one for their mean."""
    names = list(run.devices[0].by_impairment)
    rows = [["F1 points lost", "really", *names, "together", "dearest"]]
    for device in run.devices:
        values = [device.lost, *(device.by_impairment[name] for name in names), device.together]
        cells = [f"{100 * value:z.1f}" for value in values]
        first = device.ranking[0]
        rows.append([device.device, *cells, first if device.by_impairment[first] > 0 else "-"])
    means = [run.mean(name) for name in ("lost", *names, "together")]
    dearest = max(names, key=run.mean)
    rows.append(["mean", *(f"{100 * value:z.1f}" for value in means), dearest])
    return rows


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.1f}"


def _plain(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
