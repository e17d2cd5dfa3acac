"""Small tables of clips and devices, and small real-like recordings."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from helpers.tables import CLIPS, RATE_HZ, Inputs, burst, read_rows, write_table


@pytest.fixture(autouse=True)
def no_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test wait until the disk holds what everybody else on the machine has written."""
    monkeypatch.setattr(os, "sync", lambda: None)


@pytest.fixture
def inputs(tmp_path: Path) -> Inputs:
    folder = tmp_path / "inputs"
    (folder / "sounds/audio").mkdir(parents=True)
    (folder / "irs/fir").mkdir(parents=True)
    rows = []
    for index, (name, label, fold, src_id, take) in enumerate(CLIPS):
        soundfile.write(folder / "sounds/audio" / name, burst(index), RATE_HZ, subtype="PCM_16")
        rows.append(
            {"filename": f"audio/{name}", "label": label, "fold": fold, "src_id": src_id,
             "take": take, "licence": "CC0-1.0", "author": "=A1", "title": f"t{index}"}
        )  # fmt: skip
    clips = write_table(folder / "sounds/clips.csv", rows)
    devices = []
    rng = np.random.default_rng(1)
    for device, role in (("mic_OneA", "core"), ("phone_nexus_one_mic", "core"), ("x_Y", "pool")):
        taps = rng.standard_normal(64) * np.exp(-np.arange(64) / 6)
        path = folder / f"irs/fir/{device}.wav"
        soundfile.write(path, taps.astype(np.float32), RATE_HZ, subtype="FLOAT")
        devices.append(
            {"id": device, "name": f"The {device}", "role": role, "kind": "microphone (measured)",
             "fir22k": f"fir/{device}.wav", "licence": "CC-BY-4.0", "source": "a booth"}
        )  # fmt: skip
    return Inputs(clips, write_table(folder / "irs/devices.csv", devices))


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """Return a manifest of 2 devices x 4 events of 2 classes, mono at one rate."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    rows = []
    for index, label in enumerate(("dog", "dog", "door", "door")):
        for device in ("iphone14", "lggram"):
            sound = 0.5 * burst(index) + 0.01 * burst(100 + index * 2 + len(device))
            path = f"{device}-{index}.wav"
            soundfile.write(folder / path, sound, RATE_HZ, subtype="PCM_16")
            rows.append(
                {"path": path, "device": device, "label": label, "event_id": f"e{index}",
                 "device_kind": "phone" if device == "iphone14" else "laptop"}
            )  # fmt: skip
    return write_table(folder / "manifest.csv", rows)


@pytest.fixture
def change() -> Callable[..., None]:
    """Return a function that changes one cell (row counted from 0) of a CSV file."""

    def change(path: Path, row: int, column: str, value: str) -> None:
        rows = read_rows(path)
        rows[row][column] = value
        write_table(path, [dict(r) for r in rows])

    return change
