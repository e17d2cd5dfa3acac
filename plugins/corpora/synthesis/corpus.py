"""A corpus folder from the catalogue and the devices: every event heard by all seven devices."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import numpy as np

from devbench import (
    Clip,
    CorpusHeader,
    DeviceEntry,
    impulse_recording,
    render,
    response_of_impulse,
    response_path,
    seed_for,
    write_clip,
    write_corpus,
    write_response,
)

from .catalogue import CATALOGUE
from .devices import DEVICES, SimulatedDevice
from .shapes import N_SAMPLES, SAMPLE_RATE_HZ, Floats, levelled

SEED = 7
PLAYED_DBFS = -26.0
PLAYED_SPREAD_DB = 3.0
MAX_THREADS = 8


def build(
    folder: Path,
    progress: Callable[[int, int], None],
    *,
    name: str,
    title: str,
    version: int,
    classes: Sequence[str],
    events_per_class: int,
) -> None:
    """Write the corpus folder: audio/, impulses/, responses/, corpus.toml, manifest.csv.

    An event depends on the seed, its class and its number alone: both corpora share the events of
    their common classes, and the same bytes come out in any order on any number of threads
    (numpy and the codecs work outside the interpreter's lock). Raises DataError or RunError where
    the folder cannot be written.
    """
    for device in DEVICES:
        _write_response(folder, device)
    jobs = [(label, index) for label in classes for index in range(events_per_class)]
    clips: list[Clip] = []
    progress(0, len(jobs))
    with ThreadPoolExecutor(min(MAX_THREADS, os.cpu_count() or 1)) as pool:
        running = [pool.submit(_write_event, folder, label, index) for label, index in jobs]
        try:
            for done, finished in enumerate(as_completed(running), start=1):
                clips += finished.result()
                progress(done, len(jobs))
        except BaseException:  # a full disk or Ctrl-C: do not finish what is thrown away
            pool.shutdown(cancel_futures=True)
            raise
    write_corpus(folder, _header(name, title, version), clips)


def event(label: str, index: int) -> Floats:
    """Return one event as it is played: [sample], RMS within 3 dB of -26 dBFS."""
    rng = np.random.default_rng(seed_for(SEED, "event", label, index))
    level_dbfs = PLAYED_DBFS + rng.uniform(-PLAYED_SPREAD_DB, PLAYED_SPREAD_DB)
    return levelled(CATALOGUE[label].event(rng), level_dbfs)


def recording(played: Floats, label: str, index: int, device: SimulatedDevice) -> Floats:
    """Return what one device records of an event that was played: [sample] in ±1."""
    seed = seed_for(SEED, "recording", label, index, device.id)
    return render(played, device.model, sample_rate_hz=SAMPLE_RATE_HZ, seed=seed)


def event_id(label: str, index: int) -> str:
    """Return the name of an event, which does not tell its class."""
    return "e" + hashlib.sha256(f"{SEED}/{label}/{index}".encode()).hexdigest()[:12]


def _write_event(folder: Path, label: str, index: int) -> list[Clip]:
    played, name = event(label, index), event_id(label, index)
    clips = []
    for device in DEVICES:
        heard = recording(played, label, index, device)
        path = f"audio/{device.id}/{name}.flac"
        clips.append(
            Clip(
                clip_id=f"{name}-{device.id}",
                event_id=name,
                device=device.id,
                label=label,
                path=path,
                sha256=write_clip(folder / path, heard, SAMPLE_RATE_HZ),
                n_samples=N_SAMPLES,
                group=name,
            )
        )
    return clips


def _write_response(folder: Path, device: SimulatedDevice) -> None:
    impulse = impulse_recording(
        device.model, sample_rate_hz=SAMPLE_RATE_HZ, seed=seed_for(SEED, "impulse", device.id)
    )
    write_clip(folder / "impulses" / f"{device.id}.flac", impulse, SAMPLE_RATE_HZ)
    response = response_of_impulse(impulse, SAMPLE_RATE_HZ, provenance="simulated")
    write_response(response_path(folder, device.id), response)


def _header(name: str, title: str, version: int) -> CorpusHeader:
    return CorpusHeader(
        name=name,
        version=version,
        title=title,
        provenance="simulated",
        licence="MIT, as devbench",
        citation="Made by devbench from a seed; sounds and devices are synthetic.",
        sample_rate_hz=SAMPLE_RATE_HZ,
        devices=[
            DeviceEntry(
                id=device.id,
                label=device.label,
                kind=device.kind,
                sample_rate_hz=SAMPLE_RATE_HZ,
                provenance="simulated",
            )
            for device in DEVICES
        ],
    )
