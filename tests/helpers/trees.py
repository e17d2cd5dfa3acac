"""Small trees in the layouts of third parties: a few kB of noise bursts in exactly their places."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import soundfile

from helpers.tables import burst

TAU_RATE_HZ = 44_100
SCENES = ("airport", "street_traffic")
TRAIN_PLACES = (("barcelona", 0), ("lyon", 1))
TEST_PLACES = (("lisbon", 2),)


def write_sound(path: Path, seed: int, *, rate_hz: int = 8000, n_samples: int = 2000) -> Path:
    """Write a burst of its own with 16 bits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.5 * burst(seed, n_samples), rate_hz, subtype="PCM_16")
    return path


def device_sound(event: int, device: int, n_samples: int = 2000) -> np.ndarray:
    """Return an event by a device: one sound, another colour and another floor."""
    sound = 0.5 * burst(event, n_samples)
    taps = np.array([1.0, 0.5 * (-1) ** device, 0.2 * device])
    floor = 1e-3 * np.random.default_rng([event, device]).standard_normal(n_samples)
    return np.convolve(sound, taps)[:n_samples] + floor


def folders_tree(
    root: Path,
    devices: Sequence[str] = ("iPhone 14", "LG_Gram", "watch"),
    classes: Sequence[str] = ("Dog bark", "door"),
    n_events: int = 4,
) -> Path:
    """Lay out DEVICE/CLASS/NAME.wav; a name is one event."""
    for d, device in enumerate(devices):
        for c, label in enumerate(classes):
            for e in range(n_events):
                path = root / device / label / f"take {e}.wav"
                path.parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(path, device_sound(100 * c + e, d), 8000, subtype="PCM_16")
    return root


def write_tsv(path: Path, rows: Iterable[Mapping[str, str]]) -> None:
    rows = list(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["\t".join(rows[0]), *("\t".join(row.values()) for row in rows)]
    path.write_text("\n".join(lines) + "\n")


def tau_tree(root: Path, layout: str = "tau2020") -> Path:
    """Lay out a development set: devices a, b and s1 to train and test, s4 to test only.

    One recording of device a at a test location stands in no list, as thousands do.
    """
    meta: list[dict[str, str]] = []
    sides: dict[str, list[dict[str, str]]] = {"train": [], "test": []}
    segment = 0
    for side, places in (("train", TRAIN_PLACES), ("test", TEST_PLACES)):
        devices = ("a", "b", "s1", "s4") if side == "test" else ("a", "b", "s1")
        for scene in SCENES:
            for city, location in places:
                place = 10 * SCENES.index(scene) + location
                for _ in range(2):
                    seconds = ("-0", "-1") if layout == "tau2022" else ("",)
                    for second in seconds:
                        stem = f"{scene}-{city}-{place}-{segment}{second}"
                        for device in devices:
                            name = f"audio/{stem}-{device}.wav"
                            write_sound(root / name, len(meta), rate_hz=TAU_RATE_HZ, n_samples=4410)
                            row = {
                                "filename": name,
                                "scene_label": scene,
                                "identifier": f"{city}-{place}",
                                "source_label": device,
                            }
                            meta.append(row)
                            sides[side].append({k: row[k] for k in ("filename", "scene_label")})
                    segment += 1
    left = f"audio/airport-lisbon-2-99{'-0' if layout == 'tau2022' else ''}-a.wav"
    meta.append({"filename": left, "scene_label": "airport", "identifier": "lisbon-2",
                 "source_label": "a"})  # fmt: skip
    write_tsv(root / "meta.csv", meta)
    setup = root / "evaluation_setup"
    write_tsv(setup / "fold1_train.csv", sides["train"])
    write_tsv(setup / "fold1_evaluate.csv", sides["test"])
    write_tsv(setup / "fold1_test.csv", [{"filename": r["filename"]} for r in sides["test"]])
    return root
