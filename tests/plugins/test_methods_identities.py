"""What each built-in method must do exactly, one identity at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from devbench import Batch, DataError, Method, MethodSpec, SideInformation
from devbench.registry import find, load_spec
from devbench_plugins.converters.conditions import MEAN_ABS_DB
from devbench_plugins.draws import beta
from devbench_plugins.methods.spectrum_correction import mean_log_spectrum
from devbench_plugins.spectra import band_mean_and_sd
from helpers.views import (
    DEVICES,
    MemoryView,
    batch_of,
    bin_centres_hz,
    fitted,
    generator_of,
    labelled_view,
    side_of,
    tilt_response,
    unlabelled_view,
    waveform_view,
)


def spec_of(name: str) -> MethodSpec:
    spec = load_spec(find("method", name))
    assert isinstance(spec, MethodSpec)
    return spec


def change_of(method: Method, batch: Batch, seed: int = 5) -> torch.Tensor:
    return method.augment(batch, generator_of(seed)).clips - batch.clips


# --- ideal


def test_ideal_draws_every_device_equally_often() -> None:
    method = fitted(spec_of("ideal"))
    for place, view in enumerate(method.views):  # a level that names the device
        for group in view.groups:
            group.fill_(float(place))
    drawn = method.augment(batch_of(3000), generator_of(5)).clips[:, 0, 0, 0]
    shares = torch.bincount(drawn.long(), minlength=len(DEVICES)) / 3000
    assert torch.allclose(shares, torch.full((3,), 1 / 3), atol=0.035)  # 4 standard errors


def test_ideal_keeps_clips_and_targets_together() -> None:
    method = fitted(spec_of("ideal"))
    for view in method.views:
        for group, target in zip(view.groups, view.targets, strict=True):
            group.copy_(target.argmax(dim=1)[:, None, None, None].expand_as(group))
    out = method.augment(batch_of(50), generator_of(5))
    assert torch.equal(out.clips[:, 0, 0, 0].long(), out.target.argmax(dim=1))


# --- filter-augment


@pytest.mark.parametrize("filter_type", ["linear", "step"])
def test_filter_stays_in_range_and_is_constant_over_frames(filter_type: str) -> None:
    method = fitted(
        spec_of("filter-augment"),
        filter_type=filter_type,
        probability=1.0,
        min_gain_db=-4.0,
        max_gain_db=9.0,
    )
    change = torch.cat([change_of(method, batch_of(), seed) for seed in range(50)])
    assert change.min() >= -4.0 - 1e-4  # float32 of values near 100 dB
    assert change.max() <= 9.0 + 1e-4
    assert change.min() < -3.0 and change.max() > 8.0
    assert torch.allclose(change, change[..., :1].expand_as(change), atol=1e-4)


def test_filter_of_no_gain_is_the_identity() -> None:
    method = fitted(spec_of("filter-augment"), probability=1.0, min_gain_db=0.0, max_gain_db=0.0)
    assert torch.equal(change_of(method, batch_of()), torch.zeros_like(batch_of().clips))


def test_step_filter_has_few_levels_and_linear_filter_bends_seldom() -> None:
    for seed in range(20):
        curve = _filter_curve("step", seed)
        assert 2 <= len(torch.unique(curve)) <= 4
        curve = _filter_curve("linear", seed)
        bends = (curve.diff().diff().abs() > 1e-3).sum()
        assert bends <= 2 * 4  # at each of at most four inner edges, which repeat their gain
        assert curve.diff().abs().max() < 12 / (6 - 1) + 1e-4  # a full range over a band of 6 bins


def _filter_curve(filter_type: str, seed: int) -> torch.Tensor:
    method = fitted(spec_of("filter-augment"), filter_type=filter_type, probability=1.0)
    silent = batch_of(1)
    silent.clips.zero_()
    return change_of(method, silent, seed)[0, 0, :, 0]


def test_filter_changes_the_asked_share_of_clips() -> None:
    method = fitted(spec_of("filter-augment"), probability=0.25)
    changed = (change_of(method, batch_of(2000)) != 0).any(dim=(1, 2, 3))
    assert float(changed.float().mean()) == pytest.approx(0.25, abs=0.04)


# --- freq-mixstyle


def test_mixing_a_clip_with_itself_is_the_identity() -> None:
    method = fitted(spec_of("freq-mixstyle"), probability=1.0)
    assert change_of(method, batch_of(1)).abs().max() < 1e-4  # float32 of values near 100 dB


def test_mixed_statistics_lie_between_those_of_two_clips() -> None:
    method = fitted(spec_of("freq-mixstyle"), probability=1.0)
    batch = batch_of(2)
    levels_db = torch.tensor([0.0, -30.0])[:, None, None, None]
    batch = Batch(target=batch.target, bin_hz=batch.bin_hz, spectrogram_db=batch.clips + levels_db)
    own_mean = batch.clips.mean(dim=3)[:, 0]  # [batch, bin]
    for seed in range(20):
        mean = method.augment(batch, generator_of(seed)).clips.mean(dim=3)[:, 0]
        assert bool((mean <= own_mean.max(dim=0).values + 1e-3).all())
        assert bool((mean >= own_mean.min(dim=0).values - 1e-3).all())


def test_mixing_commutes_with_scaling() -> None:
    """Decibels and normalised log-mels give the same augmentation, up to epsilon."""
    method = fitted(spec_of("freq-mixstyle"), probability=1.0)
    batch = batch_of(8)
    scaled = Batch(target=batch.target, bin_hz=batch.bin_hz, spectrogram_db=(batch.clips + 50) / 20)
    out, out_scaled = (method.augment(b, generator_of(5)).clips for b in (batch, scaled))
    # Epsilon is a hundredth of a percent of the scaled variance, 12**2 / 20**2.
    assert torch.allclose((out + 50) / 20, out_scaled, atol=5e-3)


def test_one_coin_decides_for_a_batch() -> None:
    method = fitted(spec_of("freq-mixstyle"), probability=0.5)
    changed = [bool(change_of(method, batch_of(4), seed).abs().max() > 0) for seed in range(400)]
    assert np.mean(changed) == pytest.approx(0.5, abs=0.1)


def test_beta_draws_have_the_moments_of_beta() -> None:
    for alpha in (0.05, 0.3, 1.0, 4.0):
        draws = beta(40_000, alpha, torch.zeros(1), generator_of(0))
        assert bool(((draws >= 0) & (draws <= 1)).all())
        assert float(draws.mean()) == pytest.approx(0.5, abs=0.01)
        assert float(draws.var()) == pytest.approx(1 / (4 * (2 * alpha + 1)), abs=0.005)


# --- fr-shift-real


def test_shift_there_and_back_is_the_identity() -> None:
    batch = batch_of(8)
    there = _shifted(batch, source=2.0, target=-7.0)
    assert (there.clips - batch.clips).abs().max() > 1
    back = _shifted(there, source=-7.0, target=2.0)
    assert torch.allclose(back.clips, batch.clips, atol=1e-4)  # float32 of values near 100 dB


def _shifted(batch: Batch, *, source: float, target: float) -> Batch:
    spec = spec_of("fr-shift-real")
    responses = {"a": tilt_response(source), "b": tilt_response(target)}
    side = SideInformation(spec.name, spec.needs, "a", ("b",), _responses=responses)
    method = spec.build()
    method.fit(labelled_view(DEVICES[0]), side, generator_of(0))
    method.curves_db = method.curves_db[1:]  # never "leave it"
    return method.augment(batch, generator_of(0))


def test_each_target_and_no_change_are_equally_likely() -> None:
    method = fitted(spec_of("fr-shift-real"))
    slopes = change_of(method, batch_of(3000))[:, 0, -1, 0]  # 0, 6 or 12 dB at 10 kHz
    shares = torch.bincount((slopes / 6).round().long(), minlength=3) / 3000
    assert torch.allclose(shares, torch.full((3,), 1 / 3), atol=0.035)  # 4 standard errors


def test_missing_response_is_named() -> None:
    spec = spec_of("fr-shift-real")
    side = side_of(spec, responses={"phone": tilt_response(0.0), "watch": tilt_response(1.0)})
    with pytest.raises(DataError, match="laptop"):
        spec.build().fit(labelled_view("phone"), side, generator_of(0))


# --- fr-shift-synth


def test_synthetic_curves_have_the_measured_size() -> None:
    method = fitted(spec_of("fr-shift-synth"), end_strength=1.0, ripple_db=0.0)
    x_db = torch.zeros(20_000, 1, 128, 1)
    curves = method.curves(x_db, generator_of(0))
    ends = curves[:, [0, -1]].abs().mean(dim=0)
    assert torch.allclose(ends, torch.tensor([MEAN_ABS_DB[0], MEAN_ABS_DB[-1]]), rtol=0.03)
    centre = curves[:, 63:65].abs().mean()  # knot 3 at bin 63.5
    assert float(centre) == pytest.approx(MEAN_ABS_DB[3], rel=0.05)
    assert curves.mean(dim=0).abs().max() < 0.4  # signs are even


def test_ripple_has_the_asked_deviation_and_is_smooth() -> None:
    method = fitted(spec_of("fr-shift-synth"), strength=0.0, ripple_db=2.0)
    curves = method.curves(torch.zeros(5000, 1, 80, 1), generator_of(0))
    assert float(curves.std()) == pytest.approx(2.0, rel=0.02)
    lag1 = (curves[:, 1:] * curves[:, :-1]).mean() / curves.square().mean()
    assert float(lag1) == pytest.approx(2 / 3, abs=0.02)  # a box of three bins


def test_nothing_drawn_changes_nothing() -> None:
    method = fitted(spec_of("fr-shift-synth"), probability=0.0, noise_probability=0.0)
    assert torch.equal(change_of(method, batch_of()), torch.zeros_like(batch_of().clips))


def test_noise_floor_lifts_quiet_bins_and_spares_loud_ones() -> None:
    method = fitted(
        spec_of("fr-shift-synth"),
        probability=0.0,
        noise_probability=1.0,
        min_snr_db=30.0,
        max_snr_db=30.0,
    )
    batch = batch_of(4)
    batch.clips.fill_(-90.0)
    batch.clips[:, :, :20] = -20.0  # half of the bins: mean power -23 dB, noise at -53 dB
    out = method.augment(batch, generator_of(0)).clips
    assert torch.allclose(out[:, :, :20], torch.tensor(-20.0), atol=0.01)
    assert torch.allclose(out[:, :, 20:], torch.tensor(-53.01), atol=0.02)


# --- ltas-shift and spectrum-match


def test_statistics_are_those_of_numpy_for_clips_of_one_length() -> None:
    view = unlabelled_view("watch")
    clips = view.groups[0]
    mean, sd = band_mean_and_sd(MemoryView([clips], [view.targets[0]], view.bin_hz))
    expected = clips.double().numpy()
    assert np.allclose(mean, expected.mean(axis=(0, 1, 3)), atol=1e-9)
    assert np.allclose(sd, expected.std(axis=(0, 1, 3)), atol=1e-9)


def test_an_empty_pool_is_refused() -> None:
    with pytest.raises(DataError, match="no unlabelled clips"):
        band_mean_and_sd(MemoryView([], [], bin_centres_hz()))


@pytest.mark.parametrize(("name", "matches_sd"), [("ltas-shift", False), ("spectrum-match", True)])
def test_source_pool_takes_on_the_statistics_of_the_target(name: str, matches_sd: bool) -> None:
    spec = spec_of(name)
    pools = {device: unlabelled_view(device) for device in ("phone", "laptop")}
    side = SideInformation(spec.name, spec.needs, "phone", ("laptop",), _unpaired=pools)
    method = spec.build()
    method.fit(labelled_view("phone"), side, generator_of(0))
    for key, value in vars(method).items():
        setattr(method, key, value[1:])  # never "leave it"
    moved = [method.augment(batch, generator_of(0)).clips for batch in pools["phone"]]
    mean, sd = band_mean_and_sd(MemoryView(moved, pools["phone"].targets, bin_centres_hz()))
    target_mean, target_sd = band_mean_and_sd(pools["laptop"])
    source_sd = band_mean_and_sd(pools["phone"])[1]
    assert torch.allclose(mean, target_mean, atol=1e-4)
    assert torch.allclose(sd, target_sd if matches_sd else source_sd, atol=1e-4)


def test_an_empty_band_is_not_stretched() -> None:
    spec = spec_of("spectrum-match")
    pools = {device: unlabelled_view(device) for device in ("phone", "laptop")}
    for group in pools["phone"].groups:
        group[:, :, -1] = -100.0
    side = SideInformation(spec.name, spec.needs, "phone", ("laptop",), _unpaired=pools)
    method = spec.build()
    method.fit(labelled_view("phone"), side, generator_of(0))
    out = method.augment(next(iter(pools["phone"])), generator_of(1)).clips
    last = out[:, 0, -1]  # [batch, frame]
    moved = last[last[:, 0] != -100.0]
    target_mean, _ = band_mean_and_sd(pools["laptop"])
    assert 0 < len(moved) < len(last)
    assert torch.allclose(moved, target_mean[-1].float(), atol=1e-3)


# --- spectrum-correction


def test_correction_gives_noise_the_mean_spectrum_of_the_target() -> None:
    method = fitted(spec_of("spectrum-correction"))
    own, other = (waveform_view(name) for name in (DEVICES[0], DEVICES[2]))
    batch = next(iter(own))
    method.gains = method.gains[2:]  # always to the last device
    out = method.augment(batch, generator_of(5))
    got, wanted, before = (
        mean_log_spectrum(MemoryView([clips], [torch.zeros(len(clips), 0)], batch.bin_hz))
        for clips in (out.clips, next(iter(other)).clips, batch.clips)
    )
    inner = slice(10, 900)  # at half the sample rate the duller noise has next to nothing
    assert float((got - wanted)[inner].abs().mean()) < 0.1  # nats
    assert float((before - wanted)[inner].abs().mean()) > 0.5
