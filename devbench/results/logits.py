"""The logits of one run, stored beside its record: all that a metric can be computed from.

A safetensors file with four tensors, one row per (device, event) that had to be predicted:

    logits  [clip, class]  float32
    label   [clip]         int64, index into classes
    device  [clip]         int64, index into devices
    event   [clip]         int64, index into events

and the lists devices, classes and events as JSON under one metadata key. (One key, because
safetensors promises no order of keys, and equal logits must be equal bytes.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from devbench.errors import DataError, DevbenchError
from devbench.files import canonical_json, parse_json
from devbench.results.metrics import score_device

if TYPE_CHECKING:
    from typing import Any, Literal

    import numpy as np
    from numpy.typing import NDArray

    from devbench.results.record import DeviceScore

METADATA_KEY = "devbench-logits-1"
LISTS = ("devices", "classes", "events")
MAX_HEADER_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True, eq=False)
class StoredLogits:
    """Logits with what they are of; checked when made.

    logits: [clip, class] float32, finite. label, device, event: [clip] int64 indices into
    classes, devices, events. Rows rise by (device, event); events rise by name; each name is used.
    """

    devices: tuple[str, ...]
    classes: tuple[str, ...]
    events: tuple[str, ...]
    logits: NDArray[np.float32]
    label: NDArray[np.int64]
    device: NDArray[np.int64]
    event: NDArray[np.int64]

    def __post_init__(self) -> None:
        import numpy as np

        n = len(self.label)
        _require(n > 0, "there are no rows")
        _require(self.logits.dtype == np.float32, f"logits are {self.logits.dtype}, not float32")
        _require(
            self.logits.shape == (n, len(self.classes)),
            f"logits have shape {self.logits.shape}, not {(n, len(self.classes))}",
        )
        for name in LISTS:
            _require(len(set(getattr(self, name))) == len(getattr(self, name)), f"{name} repeat")
        for name, names in (
            ("label", self.classes),
            ("device", self.devices),
            ("event", self.events),
        ):
            index = getattr(self, name)
            _require(
                index.dtype == np.int64 and index.shape == (n,),
                f"{name} is {index.dtype} {index.shape}, not int64 {(n,)}",
            )
            _require(
                bool(index.min() >= 0 and index.max() < len(names)),
                f"{name} runs from {index.min()} to {index.max()} with {len(names)} names",
            )
        _require(list(self.events) == sorted(self.events), "events are not sorted by name")
        place = self.device * len(self.events) + self.event
        _require(
            bool((np.diff(place) > 0).all()),
            "rows do not rise by (device, event): a clip is predicted twice or out of order",
        )
        _require(len(np.unique(self.device)) == len(self.devices), "a device has no rows")
        _require(len(np.unique(self.event)) == len(self.events), "an event has no rows")
        _require(bool(np.isfinite(self.logits).all()), "a logit is not finite")

    def rows(self) -> list[tuple[str, str]]:
        """Return (device, event) of each row."""
        pairs = zip(self.device.tolist(), self.event.tolist(), strict=True)
        return [(self.devices[d], self.events[e]) for d, e in pairs]

    def labels(self) -> dict[tuple[str, str], str]:
        """Return the true class by (device, event), in row order."""
        names = [self.classes[index] for index in self.label.tolist()]
        return dict(zip(self.rows(), names, strict=True))

    def scores(self, *, source: str) -> list[DeviceScore]:
        """Return the score of each device, in the order of devices."""
        found: list[DeviceScore] = []
        for index, name in enumerate(self.devices):
            own = self.device == index
            role: Literal["source", "target"] = "source" if name == source else "target"
            found.append(
                score_device(
                    device=name,
                    role=role,
                    labels=self.label[own],
                    logits=self.logits[own],
                    n_classes=len(self.classes),
                )
            )
        return found


def assemble_logits(
    *,
    devices: tuple[str, ...],
    classes: tuple[str, ...],
    labels: Mapping[tuple[str, str], str],
    logits: Mapping[tuple[str, str], NDArray[np.float32]],
) -> StoredLogits:
    """Return stored logits from one vector [class] per (device, event), sorted as they are kept.

    labels: the true class of every clip that had to be predicted. Raises DataError when the
    predictions are not for exactly these clips.
    """
    import numpy as np

    missing, extra = labels.keys() - logits.keys(), logits.keys() - labels.keys()
    if missing or extra:
        first = min(missing or extra)
        raise DataError(
            f"{len(missing)} clips were not predicted and {len(extra)} were not asked for, "
            f"e.g. event {first[1]!r} of {first[0]!r}",
            fix="predict every clip exactly once",
        )
    events = tuple(sorted({event for _, event in labels}))
    order = sorted(labels, key=lambda key: (devices.index(key[0]), key[1]))
    place = {event: index for index, event in enumerate(events)}
    return StoredLogits(
        devices=devices,
        classes=classes,
        events=events,
        logits=np.stack([np.asarray(logits[key], dtype=np.float32) for key in order]),
        label=np.array([classes.index(labels[key]) for key in order], dtype=np.int64),
        device=np.array([devices.index(key[0]) for key in order], dtype=np.int64),
        event=np.array([place[key[1]] for key in order], dtype=np.int64),
    )


def write_logits(stored: StoredLogits) -> bytes:
    """Return the file's bytes; equal logits give equal bytes."""
    import numpy as np
    from safetensors.numpy import save

    lists = canonical_json({name: list(getattr(stored, name)) for name in LISTS}).decode()
    tensors = {
        name: np.ascontiguousarray(getattr(stored, name))
        for name in ("logits", "label", "device", "event")
    }
    return bytes(save(tensors, metadata={METADATA_KEY: lists}))


def read_logits(data: bytes, *, origin: str) -> StoredLogits:
    """Return the logits in a file's bytes, or raise DataError that names origin and the fault."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        lists = _read_lists(data)
        tensors = load(data)
        _require(
            sorted(tensors) == ["device", "event", "label", "logits"],
            f"the tensors are {sorted(tensors)}",
        )
        return StoredLogits(
            devices=lists["devices"],
            classes=lists["classes"],
            events=lists["events"],
            logits=tensors["logits"],
            label=tensors["label"],
            device=tensors["device"],
            event=tensors["event"],
        )
    except (SafetensorError, DevbenchError, KeyError, TypeError, ValueError) as error:
        what = error.what if isinstance(error, DevbenchError) else str(error)[:200]
        raise DataError(
            f"{origin}: {what}", fix="run it again (devbench run ... --force), or restore the file"
        ) from error


def _read_lists(data: bytes) -> dict[str, tuple[str, ...]]:
    """Return devices, classes and events from the header of a safetensors file."""
    size = int.from_bytes(data[:8], "little")
    _require(len(data) > 8 and size <= min(len(data) - 8, MAX_HEADER_BYTES), "no safetensors file")
    header = parse_json(data[8 : 8 + size], origin="header")
    metadata: Any = header.get("__metadata__") if isinstance(header, dict) else None
    _require(
        isinstance(metadata, dict) and list(metadata) == [METADATA_KEY],
        f"the metadata is not {METADATA_KEY}: no logits file, or one of another version",
    )
    lists = parse_json(str(metadata[METADATA_KEY]).encode(), origin=METADATA_KEY)
    whole = isinstance(lists, dict) and sorted(lists) == sorted(LISTS)
    _require(whole, f"{METADATA_KEY} does not hold {', '.join(LISTS)}")
    for name in LISTS:
        strings = isinstance(lists[name], list) and all(isinstance(v, str) for v in lists[name])
        _require(strings, f"{name} is no list of names")
    return {name: tuple(lists[name]) for name in LISTS}


def _require(condition: bool, what: str) -> None:
    if not condition:
        raise DataError(what, fix="give logits as devbench.results.logits describes them")
