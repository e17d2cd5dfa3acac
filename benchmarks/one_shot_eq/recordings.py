"""What the evaluation is made on: speech-like sound, or the clips of one device of a corpus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from devbench import seed_for
from devbench.audio.files import read_clip
from devbench.corpora.manifest import open_corpus
from devbench.errors import ConfigurationError
from devbench.running.clips import StagedClips

from .speech import recording

TRAIN_S, TEST_S = 6.0, 13.0
TEST_EVERY = 5
"""One event of a corpus in five is kept for the test."""


@dataclass(frozen=True, slots=True)
class Recordings:
    """Clips to train on and clips to test on. identity: JSON values that tell them from others."""

    train: StagedClips
    test: StagedClips
    sample_rate_hz: int
    identity: dict[str, Any]


def speech_like(n: int, sample_rate_hz: int, seed: int, device: torch.device) -> Recordings:
    """Return n voices to train on, 6 s each, and a quarter as many others for 13 s to test on."""

    def voices(part: str, count: int, seconds: float) -> list[NDArray[np.float32]]:
        return [
            recording(
                seconds, sample_rate_hz, np.random.default_rng(seed_for(seed, "voice", part, i))
            )
            for i in range(count)
        ]

    return Recordings(
        train=_view(voices("train", n, TRAIN_S), device),
        test=_view(voices("test", max(8, n // 4), TEST_S), device),
        sample_rate_hz=sample_rate_hz,
        identity={"sound": "speech-like", "n": n, "rate_hz": sample_rate_hz, "seed": seed},
    )


def of_corpus(folder: Path, name: str, device: torch.device) -> Recordings:
    """Return the clips that one device of a corpus recorded, split by event."""
    corpus = open_corpus(folder)
    clips = sorted((c for c in corpus.clips if c.device == name), key=lambda c: c.event_id)
    if not clips:
        raise ConfigurationError(
            f"{folder}: no clip of device {name!r}",
            fix=f"choose one of {', '.join(d.id for d in corpus.devices)}",
        )
    rate_hz = corpus.header.sample_rate_hz
    found = [
        read_clip(
            folder / clip.path, sha256=clip.sha256, n_samples=clip.n_samples, sample_rate_hz=rate_hz
        )
        for clip in clips
    ]
    return Recordings(
        train=_view([x for i, x in enumerate(found) if i % TEST_EVERY], device),
        test=_view(found[::TEST_EVERY], device),
        sample_rate_hz=rate_hz,
        identity={"sound": corpus.header.name, "fingerprint": corpus.fingerprint, "device": name},
    )


def _view(clips: Sequence[NDArray[np.float32]], device: torch.device) -> StagedClips:
    lengths = torch.tensor([len(clip) for clip in clips])
    return StagedClips(
        torch.from_numpy(np.concatenate(clips)).to(device),
        torch.stack([lengths.cumsum(0) - lengths, lengths], dim=1).to(device),
        crop=int(lengths.min()),
        bin_hz=torch.ones(1, device=device),
    )
