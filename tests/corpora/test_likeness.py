"""Near-duplicates: copies with another gain, start or dither are found, others are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from devbench.corpora.importing import ImportRequest, import_corpus
from devbench.corpora.likeness import Entry, correlation, fingerprint, near_duplicates
from helpers.tables import write_table
from helpers.trees import device_sound

RATE_HZ = 16_000
N = RATE_HZ


def sound(seed: int) -> np.ndarray:
    """Return a second of coloured noise in bursts, as real events are: [sample] float32."""
    rng = np.random.default_rng(seed)
    colour = rng.standard_normal(24) * np.exp(-np.arange(24) / 5)
    steps = np.repeat(rng.uniform(0, 1, 20) ** 3, N // 20)
    found = np.convolve(rng.standard_normal(N), colour)[:N] * steps
    return (0.3 * found / np.max(np.abs(found))).astype(np.float32)


def copy_of(own: np.ndarray, seed: int, *, shift: int, gain_db: float) -> np.ndarray:
    """Return own later or earlier, louder or softer, with 16-bit dither."""
    rng = np.random.default_rng(seed)
    moved = np.zeros_like(own)
    moved[max(0, shift) : N + min(0, shift)] = own[max(0, -shift) : N - max(0, shift)]
    dither = (rng.uniform(-1, 1, N) + rng.uniform(-1, 1, N)) / 2**16
    return (moved * 10 ** (gain_db / 20) + dither).astype(np.float32)


def told(sounds: dict[str, np.ndarray]) -> set[tuple[str, str]]:
    entries = [Entry(key, "d", key, fingerprint(s, RATE_HZ)) for key, s in sounds.items()]
    return {(pair.first, pair.second) for pair in near_duplicates(entries, sounds.__getitem__)}


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    shift=st.integers(-N // 20, N // 20),
    gain_db=st.floats(-6, 6),
)
def test_a_copy_is_found_whatever_its_gain_start_and_dither(
    seed: int, shift: int, gain_db: float
) -> None:
    own = sound(seed)
    assert told({"a": own, "b": copy_of(own, seed + 1, shift=shift, gain_db=gain_db)}) == {
        ("a", "b")
    }


def test_of_many_sounds_only_the_copies_are_told() -> None:
    sounds = {f"s{n}": sound(n) for n in range(60)}
    copies = {
        f"s{n}": copy_of(sounds[f"s{n - 60}"], n, shift=37 * (n % 9), gain_db=n % 7 - 3.0)
        for n in range(60, 68)
    }
    expected = {(f"s{n - 60}", f"s{n}") for n in range(60, 68)}
    assert told(sounds | copies) == expected


def test_devices_and_groups_keep_clips_apart() -> None:
    own = sound(1)
    print_ = fingerprint(own, RATE_HZ)
    for entries in (
        [Entry("a", "d", "g", print_), Entry("b", "d", "g", print_)],
        [Entry("a", "d", "g", print_), Entry("b", "e", "h", print_)],
        [Entry("a", "d", "g", ""), Entry("b", "d", "h", "")],
    ):
        assert near_duplicates(entries, lambda _: own) == []


def test_correlation_is_one_for_a_copy_and_small_for_another() -> None:
    own, other = sound(1), sound(2)
    assert correlation(own, own) == pytest.approx(1, abs=1e-6)
    assert correlation(own, 0.2 * own[300:]) == pytest.approx(1, abs=1e-3)  # means differ a little
    assert correlation(own, other) < 0.3
    assert correlation(own, -own) == pytest.approx(1, abs=1e-6)  # a swapped polarity is a copy
    assert correlation(own, np.zeros(N, np.float32)) == 0


def test_an_import_tells_of_a_copy_in_another_group(tmp_path: Path) -> None:
    rows = []
    for device in (0, 1):
        for event in range(6):
            own = device_sound(event, device, 8000)
            if event == 5:  # event 0 once more: later and softer
                own = np.concatenate([np.zeros(200), 0.6 * device_sound(0, device, 8000)])[:8000]
            path = f"{device}-{event}.wav"
            soundfile.write(tmp_path / path, own, 8000, subtype="PCM_16")
            rows.append({"path": path, "device": f"d{device}", "label": "dog",
                         "event_id": f"e{event}", "fold": event % 2})  # fmt: skip
    table = write_table(tmp_path / "m.csv", rows)
    made = import_corpus(ImportRequest(table, tmp_path / "out/x", "x", "CC0", "me"))
    found = [f for f in made.report.findings if f.kind == "near-duplicate"]
    assert len(found) == 2 and all(f.severity == "warning" for f in found)
    assert "in the folds 0 and 1" in found[0].what
