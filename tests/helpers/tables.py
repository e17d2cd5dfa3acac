"""Tables of clips, devices and recordings that build and import take."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

RATE_HZ = 22_050
LENGTH = RATE_HZ // 2


@dataclass(frozen=True)
class Inputs:
    """CLIPS.csv and DEVICES.csv in a folder of their own."""

    clips: Path
    devices: Path


def write_table(path: Path, rows: Iterable[dict[str, object]]) -> Path:
    rows = list(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(key for row in rows for key in row)))
        writer.writeheader()
        writer.writerows(rows)
    return path


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def burst(seed: int, length: int = LENGTH) -> np.ndarray:
    """Return noise that decays over the first half and digital silence after it: [sample]."""
    rng = np.random.default_rng(seed)
    time = np.arange(length) / length
    sound = 0.3 * rng.standard_normal(length) * np.exp(-6 * time)
    sound[length // 2 :] = 0
    return np.clip(sound, -1, 1)


CLIPS = (
    ("1-77-A-0.flac", "dog", 1, "77", "A"),
    ("1-77-B-0.flac", "dog", 1, "77", "B"),
    ("2-80-A-12.flac", "crackling_fire", 2, "80", "A"),
    ("2-81-A-12.flac", "crackling_fire", 2, "81", "A"),
)
