"""Bands: every frequency belongs to them once, and a clip is the sum of what its bands hold."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from devbench.errors import UsageError
from devbench.explaining.bands import mel_groups
from devbench.explaining.occlusion import band_stop, each_clip, without_bins

RATE_HZ = 8000


@pytest.mark.parametrize("n_bands", [2, 7, 40])
def test_weights_of_a_frequency_sum_to_1(n_bands: int) -> None:
    weights = mel_groups(n_bands, 4000).weights(np.linspace(0, 4000, 4001))
    assert np.allclose(weights.sum(axis=0), 1, atol=1e-12)  # a sum of differences in float64
    assert weights.min() >= 0


def test_the_band_of_a_frequency_is_the_one_with_the_largest_weight() -> None:
    bands = mel_groups(6, 4000)
    middle = np.array(
        [
            (low + high) / 2
            for low, high in zip(bands.edges_hz[:-1], bands.edges_hz[1:], strict=True)
        ]
    )
    assert bands.of(middle).tolist() == list(range(6))
    assert bands.weights(middle).argmax(axis=0).tolist() == list(range(6))


@pytest.mark.parametrize("n_bands", [1, 41])
def test_a_number_of_bands_that_cannot_be_is_refused(n_bands: int) -> None:
    with pytest.raises(UsageError, match="bands"):
        mel_groups(n_bands, 4000)


def test_what_bands_take_out_adds_up_to_the_clip() -> None:
    samples = torch.randn(1001, generator=torch.Generator().manual_seed(0))
    bands = mel_groups(5, 4000)
    taken = sum(samples - band_stop(samples, bands, k, rate_hz=RATE_HZ) for k in range(5))
    assert torch.allclose(taken, samples, atol=1e-6)  # float32 samples


def test_a_tone_goes_with_its_band_and_stays_without_others() -> None:
    bands = mel_groups(4, 4000)
    tone = torch.sin(2 * torch.pi * 300 * torch.arange(RATE_HZ) / RATE_HZ)
    own = int(bands.of(np.array([300.0]))[0])
    assert band_stop(tone, bands, own, rate_hz=RATE_HZ).abs().max() < 1e-4
    assert torch.allclose(band_stop(tone, bands, own + 2, rate_hz=RATE_HZ), tone, atol=1e-4)


def test_a_band_at_its_mean_keeps_means_and_other_bins() -> None:
    frames = torch.randn(20, 6, generator=torch.Generator().manual_seed(1))
    bins = torch.tensor([False, True, True, False, False, False])
    filled = without_bins(frames, bins, fill="clip-mean", floor_db=-100)
    assert torch.equal(filled[:, ~bins], frames[:, ~bins])
    assert torch.allclose(filled.mean(dim=0), frames.mean(dim=0), atol=1e-6)
    assert filled[:, bins].std(dim=0).max() < 1e-6
    silent = without_bins(frames, bins, fill="silence", floor_db=-100)
    assert bool((silent[:, bins] == -100).all())


def test_each_clip_is_changed_alone_and_the_data_stays() -> None:
    data, index = torch.arange(5.0), torch.tensor([[0, 2], [2, 3]])
    changed = each_clip(data, index, lambda clip: clip - clip.mean())
    assert changed.tolist() == [-0.5, 0.5, -1, 0, 1]
    assert data.tolist() == [0, 1, 2, 3, 4]
