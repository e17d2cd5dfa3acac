"""What the blind augmentations and layers must do exactly, one identity at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import signal

from devbench import Batch, FeatureSpec, MethodSpec
from devbench.registry import find, load_spec
from devbench_plugins.equaliser import HIGHEST_HZ, LOWEST_HZ, biquads, response_db
from devbench_plugins.methods.pitch_shift import at_other_pitch, resampled
from devbench_plugins.networks.log_mel import LogMel
from devbench_plugins.networks.residual_norm import (
    AdaptiveResidualNorm,
    ResidualNorm,
    frequency_normalised,
)
from devbench_plugins.waveforms import at_level_of, convolved, power_of
from helpers.views import batch_of, fitted, generator_of, waveform_batch_of

RATE_HZ = 22_050


def method_of(name: str, **options: object) -> object:
    spec = load_spec(find("method", name))
    assert isinstance(spec, MethodSpec)
    return fitted(spec, **options)


def change_of(method: object, batch: Batch, seed: int = 5) -> torch.Tensor:
    return method.augment(batch, generator_of(seed)).clips - batch.clips  # type: ignore[attr-defined]


# --- what changes nothing


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("gain", {"reach_db": 0.0}),
        ("spec-augment", {"n_masks": 0}),
        ("spec-augment", {"max_bins": 0.0, "max_frames": 0.0}),
        ("mixup", {"probability": 0.0}),
        ("mel-jitter", {"lowest_reach_hz": 0.0, "highest_reach_hz": 0.0}),
        ("eq-random", {"reach_db": 0.0, "probability": 1.0}),
        ("noise", {"probability": 0.0}),
        ("reverb", {"probability": 0.0}),
        ("pitch-shift", {"probability": 0.0}),
    ],
)
def test_settings_that_ask_for_nothing_change_nothing(name: str, options: dict[str, float]) -> None:
    method = method_of(name, **options)
    waveform = name in ("noise", "reverb", "pitch-shift")
    batch = waveform_batch_of(40) if waveform else batch_of(40)
    assert float(change_of(method, batch).abs().max()) < 1e-3  # dB; float32 near 100 dB


@pytest.mark.parametrize("name", ["gain", "spec-augment", "mixup", "eq-random"])
def test_the_asked_share_of_clips_is_changed(name: str) -> None:
    changed = (change_of(method_of(name, probability=0.25), batch_of(2000)) != 0).any(dim=(1, 2, 3))
    assert float(changed.float().mean()) == pytest.approx(0.25, abs=0.04)


# --- gain, spec-augment, mixup


def test_gain_is_one_number_per_clip_within_reach() -> None:
    change = change_of(method_of("gain", reach_db=7.0), batch_of(500))
    assert torch.allclose(change, change[:, :, :1, :1].expand_as(change), atol=1e-4)
    assert -7.001 < float(change.min()) < -6.5 and 6.5 < float(change.max()) < 7.001


def test_masks_are_bands_and_stretches_of_the_asked_size_and_hold_the_mean() -> None:
    method = method_of("spec-augment", n_masks=1, max_bins=0.25, max_frames=0.0)
    batch = batch_of(400)
    change = change_of(method, batch) != 0
    by_bin = change.all(dim=3)[:, 0]  # [clip, bin]
    assert torch.equal(change, by_bin[:, None, :, None].expand_as(change))
    widths = by_bin.sum(dim=1)
    assert int(widths.max()) == 10 and int(widths.min()) == 0  # of 40 bins
    edges = by_bin.float().diff(dim=1).abs().sum(dim=1)
    assert int(edges.max()) <= 2  # one band, not several
    assert set(by_bin.any(dim=0).tolist()) == {True}  # every bin is hidden now and then
    out = method.augment(batch, generator_of(5)).clips  # type: ignore[attr-defined]
    clip = int(widths.argmax())
    assert torch.allclose(out[clip][change[clip]], batch.clips[clip].mean())


def test_mixup_mixes_clips_and_targets_by_the_same_share_and_keeps_the_larger() -> None:
    batch = batch_of(300)
    levels = torch.arange(300.0)[:, None, None, None].expand_as(batch.clips)
    targets = torch.eye(300)
    numbered = Batch(target=targets, bin_hz=batch.bin_hz, spectrogram_db=levels.clone())
    out = method_of("mixup").augment(numbered, generator_of(5))  # type: ignore[attr-defined]
    own = out.target.diagonal()
    assert float(own.min()) >= 0.5
    expected = out.target @ torch.arange(300.0)
    assert torch.allclose(out.clips[:, 0, 0, 0], expected, atol=1e-2)


# --- mel-jitter


def test_mel_jitter_moves_tones_by_no_more_than_asked() -> None:
    """A tone in a bin moves to where the filter bank with other limits would show it."""
    method = method_of("mel-jitter", lowest_reach_hz=0.0, highest_reach_hz=4000.0)
    batch = batch_of(200)
    n_bins = batch.clips.shape[2]
    rising = torch.arange(float(n_bins))[None, None, :, None].expand_as(batch.clips).clone()
    ramp = Batch(target=batch.target, bin_hz=batch.bin_hz, spectrogram_db=rising)
    out = method.augment(ramp, generator_of(5)).clips[:, 0, :, 0]  # type: ignore[attr-defined]
    assert torch.allclose(out[:, 0], torch.zeros(200), atol=1e-4)  # the lowest stays
    assert bool((out.diff(dim=1) >= -1e-4).all())
    lowest_hz = float(batch.bin_hz[-1]) - 2000
    place = float(np.interp(lowest_hz, batch.bin_hz.numpy(), np.arange(n_bins)))
    assert float(out[:, -1].min()) == pytest.approx(place, abs=0.1)
    assert float(out[:, -1].max()) == n_bins - 1  # nothing is above the last bin


# --- the equaliser


def test_the_equaliser_is_the_cascade_that_scipy_computes() -> None:
    rng = np.random.default_rng(3)
    gain = torch.tensor(rng.uniform(-10, 10, (20, 4)))
    centre = torch.tensor(
        np.exp(rng.uniform(np.log(LOWEST_HZ), np.log((255, 2e3, 4e3, 9e3)), (20, 4)))
    )
    quality = torch.tensor(np.exp(rng.uniform(np.log(0.1), np.log(10), (20, 4))))
    at_hz = torch.linspace(30, 11_000, 200, dtype=torch.float64)
    got = response_db(gain, centre, quality, at_hz=at_hz, sample_rate_hz=RATE_HZ)
    b, a = biquads(gain, centre, quality, RATE_HZ)
    for row in range(20):
        sections = torch.cat([b[row], a[row]], dim=1)
        sections = (sections / a[row, :, :1]).numpy()
        _, response = signal.sosfreqz(sections, worN=at_hz.numpy(), fs=RATE_HZ)
        assert np.abs(got[row].numpy() - 20 * np.log10(np.abs(response))).max() < 2e-6 * 20


def test_each_band_does_what_its_name_says() -> None:
    centre = torch.tensor([150.0, 1000.0, 3000.0, 6000.0])
    quality = torch.full((4,), 0.7)
    at_hz = torch.tensor([1.0, 1000.0, 3000.0, 11_000.0])
    for band, (place, elsewhere) in enumerate([(0, 3), (1, 3), (2, 0), (3, 0)]):
        gain = torch.zeros(4)
        gain[band] = 6.0
        curve = response_db(gain, centre, quality, at_hz=at_hz, sample_rate_hz=RATE_HZ)
        assert float(curve[place]) == pytest.approx(6.0, abs=0.05)
        assert abs(float(curve[elsewhere])) < 0.1
        undone = curve + response_db(-gain, centre, quality, at_hz=at_hz, sample_rate_hz=RATE_HZ)
        assert float(undone.abs().max()) < 1e-5


def test_random_equalisers_stay_within_their_ranges() -> None:
    method = method_of("eq-random", probability=1.0)
    centres = method._centres(torch.rand(500, 4))  # type: ignore[attr-defined]
    assert bool((centres >= torch.tensor(LOWEST_HZ) - 0.01).all())
    assert bool((centres <= torch.tensor(HIGHEST_HZ).clamp(max=0.45 * RATE_HZ) + 0.01).all())
    change = change_of(method, batch_of(300))
    assert torch.allclose(change, change[..., :1].expand_as(change), atol=1e-4)
    assert 5 < float(change.abs().max()) <= 40


# --- waveforms


def test_convolution_is_that_of_numpy_cut_to_length() -> None:
    x, h = torch.randn(3, 500), torch.randn(3, 77)
    got = convolved(x, h)
    for row in range(3):
        assert np.allclose(got[row], np.convolve(x[row], h[row])[:500], atol=1e-4)


def test_noise_lies_as_far_below_the_clip_as_asked() -> None:
    batch = waveform_batch_of(200)
    noise = change_of(method_of("noise", probability=1.0, min_snr_db=20.0, max_snr_db=20.0), batch)
    ratio_db = 10 * (power_of(batch.clips) / power_of(noise)).log10()
    assert torch.allclose(ratio_db, torch.full_like(ratio_db, 20.0), atol=0.3)
    apart = torch.corrcoef(noise) - torch.eye(200)
    assert float(apart.abs().max()) < 0.06  # every clip has noise of its own; 8,192 samples


def test_rooms_die_away_as_fast_as_asked_and_keep_direct_sound_and_level() -> None:
    method = method_of("reverb", probability=1.0, min_rt60_s=0.4, max_rt60_s=0.4,
                       min_direct_db=6.0, max_direct_db=6.0)  # fmt: skip
    rooms = method.rooms(50, torch.empty(0), generator_of(1))  # type: ignore[attr-defined]
    assert torch.equal(rooms[:, 0], torch.ones(50))
    tail = rooms[:, 1:].square()
    assert torch.allclose(10 * tail.sum(1).log10(), torch.full((50,), -6.0), atol=0.01)
    left = tail.flip(1).cumsum(1).flip(1).mean(0)  # Schroeder's backward integration
    decay_db = 10 * (left / left[0]).log10()
    first, last = (int((decay_db < level).float().argmax()) for level in (-5.0, -25.0))
    assert 60 / 20 * (last - first) / RATE_HZ == pytest.approx(0.4, rel=0.1)
    batch = waveform_batch_of(20)
    out = method.augment(batch, generator_of(5)).clips  # type: ignore[attr-defined]
    assert torch.allclose(power_of(out), power_of(batch.clips), rtol=1e-4)


@pytest.mark.parametrize("semitones", [-12, -4, 3, 12])
def test_pitch_moves_by_semitones_and_length_stays(semitones: int) -> None:
    time_s = torch.arange(RATE_HZ) / RATE_HZ
    tone = (2 * math.pi * 880 * time_s).sin()[None]
    out = at_other_pitch(tone, semitones)
    assert out.shape == tone.shape
    inner = out[0, 4000:-4000] * torch.hann_window(RATE_HZ - 8000)
    peak_hz = float(torch.fft.rfft(inner, 1 << 18).abs().argmax()) * RATE_HZ / (1 << 18)
    assert peak_hz == pytest.approx(880 * 2 ** (semitones / 12), rel=0.003)


def test_resampling_there_and_back_is_the_identity_below_the_band_edge() -> None:
    x = waveform_batch_of(4).clips
    there_and_back = resampled(resampled(x, 10_000), x.shape[1])
    assert float((there_and_back - x).abs().max()) < 1e-4


def test_level_is_kept_and_silence_stays_silent() -> None:
    x = torch.stack([torch.randn(1000), torch.zeros(1000)])
    y = at_level_of(torch.stack([0.01 * torch.randn(1000), torch.zeros(1000)]), x)
    assert torch.allclose(power_of(y), power_of(x), rtol=1e-4)


def test_white_noise_raises_quiet_bands_of_the_spectrogram() -> None:
    batch = waveform_batch_of(8)
    noisy = method_of("noise", probability=1.0, min_snr_db=5.0, max_snr_db=5.0).augment(  # type: ignore[attr-defined]
        batch, generator_of(2)
    )
    frontend = LogMel(FeatureSpec())
    change_db = frontend(noisy.waveform) - frontend(batch.waveform)
    assert float(change_db.quantile(0.5)) > 3.0


# --- layers


def test_frequency_norm_ignores_gain_and_offset_of_a_bin() -> None:
    x = torch.randn(4, 1, 20, 30)
    gain, offset = torch.rand(4, 1, 20, 1) + 0.5, torch.randn(4, 1, 20, 1)
    assert torch.allclose(
        frequency_normalised(x), frequency_normalised(gain * x + offset), atol=1e-3
    )
    y = frequency_normalised(torch.randn(4, 6, 20, 30))
    assert torch.allclose(y.mean(dim=(1, 3)), torch.zeros(4, 20), atol=1e-5)
    assert torch.allclose(y.var(dim=(1, 3), correction=0), torch.ones(4, 20), atol=1e-3)


def test_residual_norm_is_the_norm_and_a_share_of_the_input() -> None:
    x = torch.randn(4, 6, 20, 30)
    assert torch.equal(ResidualNorm(0.0)(x), frequency_normalised(x))
    assert torch.allclose(ResidualNorm(0.1)(x) - ResidualNorm(0.0)(x), 0.1 * x, atol=1e-6)


def test_the_adaptive_norm_starts_half_way_and_every_parameter_learns() -> None:
    x = torch.randn(4, 6, 20, 30)
    layer = AdaptiveResidualNorm(6)
    assert torch.allclose(layer(x), 0.5 * x + 0.5 * frequency_normalised(x), atol=1e-6)
    (layer(x) * torch.randn(4, 6, 20, 30)).sum().backward()
    assert all(bool((p.grad != 0).all()) for p in layer.parameters())
