"""Staged clips as batches: crops stay inside their clip, windows cover it, short clips repeat."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from devbench.running.clips import StagedClips, save_clips

BINS = torch.linspace(100, 4000, 3)


def staged(lengths: list[int], crop: int) -> StagedClips:
    """Return clips in which every value tells its clip (thousands) and its frame."""
    data = torch.cat([1000.0 * i + torch.arange(n).float()[:, None].expand(n, 3)
                      for i, n in enumerate(lengths)])  # fmt: skip
    starts = np.cumsum(lengths) - lengths
    index = torch.tensor(np.stack([starts, lengths], axis=1))
    return StagedClips(data, index, crop=crop, bin_hz=BINS)


@given(
    lengths=st.lists(st.integers(1, 60), min_size=1, max_size=6),
    crop=st.integers(1, 40),
    seed=st.integers(0, 9),
)
@settings(max_examples=150, deadline=None)
def test_a_random_crop_is_a_run_of_frames_of_one_clip(
    lengths: list[int], crop: int, seed: int
) -> None:
    clips = staged(lengths, crop)
    batch = clips.sample(8, torch.Generator().manual_seed(seed))
    assert batch.clips.shape == (8, 1, 3, crop)
    for values in batch.clips[:, 0, 0]:
        owner = int(values[0] // 1000)
        frames = (values - 1000 * owner).long()
        assert bool((values // 1000 == owner).all())
        steps = (frames[1:] - frames[:-1]) % lengths[owner]
        assert bool((steps == 1 % lengths[owner]).all())
        if lengths[owner] >= crop:  # nothing repeats while the clip is long enough
            assert int(frames[-1] - frames[0]) == crop - 1


@given(lengths=st.lists(st.integers(1, 400), min_size=1, max_size=5), crop=st.integers(1, 90))
@settings(max_examples=150, deadline=None)
def test_windows_lie_inside_their_clip_and_reach_its_ends(lengths: list[int], crop: int) -> None:
    rows, starts = staged(lengths, crop).windows(crop)
    assert rows.tolist() == sorted(rows.tolist())
    for row, length in enumerate(lengths):
        own = starts[rows == row].tolist()
        assert len(own) == max(1, round(length / crop))
        assert all(0 <= start <= max(0, length - crop) for start in own)
        if len(own) > 1:
            assert own[0] == 0
            assert own[-1] == length - crop


def test_iteration_yields_every_clip_once_whole() -> None:
    lengths = [5, 9, 5, 7, 9]
    seen = []
    for batch in staged(lengths, 4):
        for values in batch.clips[:, 0, 0]:
            owner = int(values[0] // 1000)
            assert len(values) == lengths[owner]
            seen.append(owner)
    assert sorted(seen) == [0, 1, 2, 3, 4]


def test_one_generator_state_gives_one_batch() -> None:
    clips = staged([30, 40, 50], 20)
    one, two = (clips.sample(5, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(one.clips, two.clips)
    assert not torch.equal(one.clips, clips.sample(5, torch.Generator().manual_seed(4)).clips)


@pytest.mark.parametrize("labels", [None, [2, 0]])
def test_what_is_saved_is_loaded(tmp_path: Path, labels: list[int] | None) -> None:
    clips = [np.arange(12, dtype=np.float32).reshape(4, 3), np.ones((2, 3), np.float32)]
    save_clips(tmp_path / "x", clips, labels)
    loaded = StagedClips.load(tmp_path / "x", crop=2, bin_hz=BINS, n_classes=3)
    assert loaded.lengths == [4, 2]
    assert loaded.targets.shape == ((2, 0) if labels is None else (2, 3))
    whole = [batch.clips[0, 0].T.numpy() for batch in loaded]
    assert all(any(np.array_equal(clip, found) for found in whole) for clip in clips)
