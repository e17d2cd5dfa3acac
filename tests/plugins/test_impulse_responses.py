"""Pools of impulse responses: what is read, what is refused, what DIR does with them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from devbench import DataError, FeatureSpec, Method, MethodSpec, SideInformation
from devbench.registry import find, load_spec
from devbench_plugins.impulse_responses import read_impulse_responses
from helpers.views import (
    DEVICES,
    batch_of,
    generator_of,
    labelled_view,
    waveform_batch_of,
)

RATE_HZ = FeatureSpec().sample_rate_hz


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    """Return a folder of a plain delay, and of a first-order low-pass at twice the level."""
    folder = tmp_path / "pool"
    folder.mkdir()
    delay = np.zeros(64)
    delay[3] = 1.0
    soundfile.write(folder / "Delay.wav", delay, RATE_HZ, subtype="FLOAT")
    dull = 2 * 0.8 ** np.arange(256) / 10
    soundfile.write(folder / "dull_mic.wav", dull, RATE_HZ, subtype="FLOAT")
    (folder / "LICENCE.txt").write_text("ours")
    return folder


def side() -> SideInformation:
    return SideInformation("dir", frozenset(), DEVICES[0], DEVICES[1:], DEVICES)


def method_of(name: str, **options: object) -> Method:
    spec = load_spec(find("method", name))
    assert isinstance(spec, MethodSpec)
    method = spec.build(**options)
    method.fit(labelled_view(DEVICES[0]), side(), generator_of(0))
    return method


def test_responses_are_scaled_to_energy_one(pool: Path) -> None:
    found = read_impulse_responses(pool, side())
    assert [len(taps) for taps in found] == [64, 256]
    assert [float(np.square(taps).sum()) for taps in found] == pytest.approx([1.0, 1.0])


@pytest.mark.parametrize(
    ("name", "samples", "rate_hz", "words"),
    [
        ("silent.wav", np.zeros(100), RATE_HZ, "silent"),
        ("other.wav", np.ones(100), 44_100, "44100 Hz"),
        (f"{DEVICES[1].upper()}.wav", np.ones(100), RATE_HZ, "is a device of the benchmark"),
    ],
)
def test_what_does_not_belong_into_a_pool_is_named(
    pool: Path, name: str, samples: np.ndarray, rate_hz: int, words: str
) -> None:
    soundfile.write(pool / name, samples * 0.5, rate_hz, subtype="FLOAT")
    with pytest.raises(DataError, match=words) as caught:
        read_impulse_responses(pool, side())
    assert name in caught.value.what


def test_a_damaged_file_an_empty_pool_and_none_are_named(pool: Path, tmp_path: Path) -> None:
    (pool / "broken.wav").write_bytes(b"RIFF....")
    with pytest.raises(DataError, match=r"'broken\.wav'.*cannot be read"):
        read_impulse_responses(pool, side())
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "a.txt").write_text("a")
    with pytest.raises(DataError, match="no WAV or FLAC"):
        read_impulse_responses(tmp_path / "words", side())


def test_clips_are_convolved_with_one_response_each(pool: Path) -> None:
    method = method_of("dir", folder=pool, probability=1.0)
    batch = waveform_batch_of(40)
    out = method.augment(batch, generator_of(5)).clips
    delayed = torch.nn.functional.pad(batch.clips, (3, 0))[:, : batch.clips.shape[1]]
    is_delay = (out - delayed).abs().amax(dim=1) < 1e-4
    assert 8 < int(is_delay.sum()) < 32  # both are drawn
    dull = torch.from_numpy(0.6 * 0.8 ** np.arange(256)).float()  # of energy 1
    expected = np.convolve(batch.clips[~is_delay][0], dull)[: batch.clips.shape[1]]
    assert np.allclose(out[~is_delay][0], expected, atol=1e-4)


def test_the_asked_share_is_convolved(pool: Path) -> None:
    method = method_of("dir", folder=pool, probability=0.3)
    batch = waveform_batch_of(600, n_samples=256)
    changed = (method.augment(batch, generator_of(3)).clips != batch.clips).any(dim=1)
    assert float(changed.float().mean()) == pytest.approx(0.3, abs=0.06)


def test_in_spectrograms_a_delay_is_nothing_and_a_dull_one_lowers_high_bands(pool: Path) -> None:
    method = method_of("dir-freq-mixstyle", folder=pool, dir_probability=1.0, probability=0.0)
    batch = batch_of(60)
    change = method.augment(batch, generator_of(5)).clips - batch.clips
    assert torch.allclose(change, change[..., :1].expand_as(change), atol=1e-3)
    curves = change[:, 0, :, 0]
    flat = curves.abs().amax(dim=1) < 0.05
    assert 15 < int(flat.sum()) < 45
    fall = curves[~flat][0]
    assert float(fall[0] - fall[-1]) > 10
    assert float(fall.diff().max()) < 1e-3


def test_the_other_half_is_freq_mixstyle(pool: Path) -> None:
    batch = dataclasses.replace(batch_of(8))
    both = method_of("dir-freq-mixstyle", folder=pool, dir_probability=0.0, probability=1.0)
    out = both.augment(batch, generator_of(5)).clips
    assert not torch.allclose(out, batch.clips)
    ranks = out[0, 0, 5].argsort()  # statistics change, the order of frames does not
    assert torch.equal(ranks, batch.clips[0, 0, 5].argsort())
