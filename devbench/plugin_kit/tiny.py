"""A tiny corpus and benchmark, made in no time: 3 devices x 3 classes x 10 events.

`devbench plugin check --full` trains on it, and so do the tests of devbench.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from devbench.audio.files import write_clip
from devbench.audio.responses import response_of_impulse, write_response
from devbench.contract.values import Clip
from devbench.corpora.header import CorpusHeader, DeviceEntry
from devbench.corpora.manifest import Corpus, response_path, write_corpus

RATE_HZ = 8000
N_SAMPLES = 4000
CLASSES = ("hum", "noise", "tick")
DEVICES = ("phone", "tablet", "watch")
TILT = {"phone": 0.0, "tablet": 0.7, "watch": -0.7}
N_EVENTS = 10

BENCHMARK = """
schema = 1
id = "tiny"
version = 1
title = "Tiny benchmark of the plugin check"
corpus = "tiny"
classes = ["hum", "noise", "tick"]
devices = ["phone", "tablet", "watch"]

[features]
sample_rate_hz = 8000
n_fft = 256
hop_samples = 128
n_mels = 24
fmax_hz = 4000.0

[splits]
scheme = "hash"
convert = 0.3
train = 0.4
val = 0.1
test = 0.2

[budgets.quick]
backbone = "small-cnn"
epochs = 4
batch = 4
learning_rate = 0.003
crop_frames = 16
checkpoint_epochs = 1

[limits]
wall_s = 120.0
memory_mb = 4000
scratch_mb = 200

[seeds]
ranked = 2
"""


def event_sound(label: str, number: int) -> NDArray[np.float64]:
    """Return one event: [sample]."""
    rng = np.random.default_rng([CLASSES.index(label), number])
    time_s = np.arange(N_SAMPLES) / RATE_HZ
    if label == "hum":
        return 0.3 * np.sin(2 * np.pi * rng.uniform(150, 300) * time_s)
    if label == "noise":
        return rng.normal(0, 0.1, N_SAMPLES)
    sound = rng.normal(0, 0.01, N_SAMPLES)
    sound[:: int(rng.integers(400, 800))] += 0.8
    return sound


def record(sound: NDArray[np.float64], device: str) -> NDArray[np.float64]:
    """Return the sound as a device records it: a one-tap tilt."""
    return sound + TILT[device] * np.concatenate([[0.0], sound[:-1]])


def make_corpus(
    folder: Path,
    *,
    change: Callable[[NDArray[np.float64], str, str], NDArray[np.float64]] | None = None,
    with_responses: bool = True,
) -> Corpus:
    """Write the tiny corpus; change(sound, device, event_id) may replace any recording."""
    clips = []
    for label in CLASSES:
        for number in range(N_EVENTS):
            event = f"{CLASSES.index(label) * 37 + number * 101:05d}"
            sound = event_sound(label, number)
            for device in DEVICES:
                heard = record(sound, device)
                if change is not None:
                    heard = change(heard, device, event)
                path = f"audio/{device}/{event}.flac"
                sha256 = write_clip(folder / path, heard, RATE_HZ)
                n = len(heard)
                clips.append(
                    Clip(f"{device}-{event}", event, device, label, path, sha256, n, event)
                )
    for device in DEVICES:
        if with_responses:
            impulse = np.zeros(RATE_HZ // 4)
            impulse[500] = 1.0
            response = response_of_impulse(record(impulse, device), RATE_HZ, provenance="simulated")
            write_response(response_path(folder, device), response)
    header = CorpusHeader(
        name="tiny",
        version=1,
        title="Tiny corpus of the plugin check",
        provenance="simulated",
        licence="CC0",
        citation="none",
        sample_rate_hz=RATE_HZ,
        devices=[
            DeviceEntry(
                id=device, label=device, kind="test", sample_rate_hz=RATE_HZ, provenance="simulated"
            )
            for device in DEVICES
        ],
    )
    return write_corpus(folder, header, clips)


def make_benchmark(path: Path, **replace: str) -> Path:
    """Write the tiny benchmark; each keyword replaces a line that begins with that key."""
    lines = []
    for line in BENCHMARK.splitlines():
        key = line.split(" = ")[0]
        lines.append(f"{key} = {replace[key]}" if key in replace else line)
    path.write_text("\n".join(lines) + "\n")
    return path
