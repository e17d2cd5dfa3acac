"""Which recordings devices are estimated from: pairs are kept, and events of its own are added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from devbench.audio.files import write_clip
from devbench.contract.values import Clip
from devbench.corpora.header import CorpusHeader, DeviceEntry
from devbench.corpora.manifest import Corpus
from devbench.explaining.corpus_devices import estimate_devices, recordings_of

RATE_HZ = 8000
N_SAMPLES = 4000


def sound(event: str) -> NDArray[np.float64]:
    """Return noise between silence, of the event's own, 6 dB louder for each class."""
    rng = np.random.default_rng(list(event.encode()))
    clip = np.zeros(N_SAMPLES)
    clip[1000:3000] = 0.05 * 2 ** (int(event[-1]) % 2) * rng.standard_normal(2000)
    return clip + 1e-3 * rng.standard_normal(N_SAMPLES)


def recorded(
    folder: Path, events: Mapping[str, Sequence[str]], gain: Mapping[str, float]
) -> Corpus:
    """Return a corpus of devices that recorded these events, each with its gain."""
    clips = []
    for device, names in events.items():
        for event in names:
            path = f"audio/{device}-{event}.flac"
            sha256 = write_clip(folder / path, gain[device] * sound(event), RATE_HZ)
            label = f"class-{int(event[-1]) % 2}"
            clips.append(
                Clip(path, event, device, label, path, sha256, N_SAMPLES, event)  # group: the event
            )
    header = CorpusHeader(
        name="made-up", version=1, title="", provenance="simulated", licence="", citation="",
        sample_rate_hz=RATE_HZ, devices=[
            DeviceEntry(id=name, label=name, kind="phone", sample_rate_hz=RATE_HZ,
                        provenance="simulated")
            for name in events
        ],
    )  # fmt: skip
    return Corpus(folder, header, tuple(clips), "0" * 64)


def heard(corpus: Corpus, n_events: int) -> dict[str, dict[str, NDArray[np.float64]]]:
    devices = [device.id for device in corpus.devices]
    return recordings_of(
        corpus, corpus.clips, devices, n_events=n_events, on_progress=lambda done, total: None
    )


@pytest.mark.parametrize("reference", ["first", "second"])
def test_pairs_are_kept_where_a_device_has_many_events_of_its_own(
    tmp_path: Path, reference: str
) -> None:
    both = [f"shared-{n:02d}" for n in range(12)]
    alone = {name: [f"{name}-{n:02d}" for n in range(40)] for name in ("first", "second")}
    events = {name: both + own for name, own in alone.items()}
    # Exactly half, so that only the pairs say -6.02 dB: the events of its own are others.
    corpus = recorded(tmp_path, events, {"first": 1.0, "second": 0.5})
    found, _ = estimate_devices(heard(corpus, 32), reference, RATE_HZ)
    other = next(estimate for estimate in found if estimate.device != reference)
    assert (other.how, other.n_pairs) == ("paired", 12)
    assert other.gain_db == pytest.approx(6.02 if reference == "second" else -6.02, abs=0.02)


def test_a_device_with_too_few_pairs_adds_events_of_its_own(tmp_path: Path) -> None:
    shared = [f"shared-{n:02d}" for n in range(16)]
    few, none = ([f"{name}-{n:02d}" for n in range(20)] for name in ("few", "none"))
    events = {
        "all": shared, "again": shared, "most": shared[:10], "few": shared[:3] + few, "none": none,
    }  # fmt: skip
    chosen = heard(recorded(tmp_path, events, dict.fromkeys(events, 1.0)), 12)
    assert set(chosen["all"]) <= set(shared) and len(chosen["all"]) == 12
    assert set(chosen["most"]) == set(shared[:10])
    assert set(shared[:3]) < set(chosen["few"]) and len(chosen["few"]) == 12
    assert set(chosen["none"]) <= set(none) and len(chosen["none"]) == 12
