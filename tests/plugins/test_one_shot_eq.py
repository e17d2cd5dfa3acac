"""One-shot EQ: its estimator, its self-supervised data and its training, part by part."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from devbench import ContractError, DataError
from devbench_plugins.equalisation import training
from devbench_plugins.equalisation.excerpts import Excerpts, loudness_lufs
from devbench_plugins.equalisation.filters import curve_hz, minimum_phase, ripples, stretched
from devbench_plugins.equalisation.recipes import EstimatorRecipe, estimator_recipe
from devbench_plugins.equalisation.scene import equaliser_gain, scene_gain, staged_pair
from devbench_plugins.equalisation.settings import Grids
from devbench_plugins.networks.siamese_equaliser import DecibelMel, SiameseEqualiser
from helpers.views import MemoryWorkshop, generator_of, small_config, waveform_view

RATE_HZ = 22_050
SMALL = EstimatorRecipe.of(small_config("one-shot-eq", {"sample_rate_hz": RATE_HZ}))


def workshop_of(**change: Any) -> MemoryWorkshop:
    return MemoryWorkshop(devices=("phone",), acts_on="waveform", **change)


def numbered(n_clips: int, n_samples: int = 100) -> Excerpts:
    """Return clips that are filled with their numbers."""
    return Excerpts([torch.full((n_samples,), float(number)) for number in range(n_clips)])


# --- the estimator


@pytest.mark.parametrize(
    ("comparison", "count"),
    [("learned", 1_248_236), ("linear", 1_247_977), ("log", 1_247_977), ("spectrum", 167_892)],
)
def test_the_estimator_has_the_published_size(comparison: Any, count: int) -> None:
    network = SiameseEqualiser(comparison)
    assert sum(p.numel() for p in network.parameters()) == count  # the paper: 1.2 million
    assert network(*torch.randn(2, 3, 1, 128, 32)).shape == (3, 12, 21)


@pytest.mark.parametrize("comparison", ["learned", "linear", "log", "spectrum"])
def test_level_makes_no_difference(comparison: Any) -> None:
    network = SiameseEqualiser(comparison).eval()
    first, second = -60 + 10 * torch.randn(2, 4, 1, 128, 40, generator=generator_of(1))
    quiet = network(first, second)
    assert torch.allclose(network(first + 20, second), quiet, atol=2e-4)  # float32 sums of -60 dB
    if network.encoder is not None:
        with torch.no_grad():
            network.encoder[0].weight += 0.1
        assert not torch.allclose(network(first + 20, second), network(first, second), atol=0.01)
        network.remove_level()
        assert torch.allclose(network(first + 20, second), quiet, atol=1e-3)


def test_level_makes_no_difference_after_an_update() -> None:
    run = training.Training(workshop_of(), SMALL)
    before = run.network.encoder[0].weight.clone()
    run.step(1)
    after = run.network.encoder[0].weight.detach()
    assert not torch.equal(after, before)
    assert float(after.sum(dim=(1, 2, 3)).abs().max()) < 1e-6  # float32


@pytest.mark.parametrize("rate_hz", [16_000, 22_050, 44_100, 48_000])
def test_the_spectrogram_is_the_published_one(rate_hz: int) -> None:
    spectrogram = DecibelMel(rate_hz, 0.003)
    if rate_hz == 44_100:
        assert (spectrogram.window_samples, spectrogram.hop_samples) == (882, 132)
    assert bool((spectrogram.get_buffer("bands").sum(dim=1) > 0).all())
    time_s = torch.arange(rate_hz) / rate_hz
    x_db = spectrogram((2 * math.pi * 1000 * time_s).sin()[None])
    n_frames = (rate_hz - spectrogram.window_samples) // spectrogram.hop_samples + 1
    assert x_db.shape == (1, 1, 128, n_frames)
    centre_mel = (1 + x_db.mean(dim=3).argmax()) * 2595 * math.log10(1 + rate_hz / 1400) / 129
    assert 700 * (10 ** (float(centre_mel) / 2595) - 1) == pytest.approx(1000, rel=0.03)


# --- what classes stand for


def test_grids_are_the_published_ones() -> None:
    grids = Grids.at(44_100)
    assert grids.gain_db[0].tolist() == pytest.approx(list(range(-10, 11)))
    ends = [(85, 255), (260, 2000), (2005, 4000), (4005, 16_000)]
    for band, (low, high) in enumerate(ends):
        assert grids.frequency_hz[band, [0, -1]].tolist() == pytest.approx([low, high])
        assert grids.quality[band, [0, -1]].tolist() == pytest.approx([0.01, 10])
        for values in (grids.frequency_hz[band], grids.quality[band]):
            steps = values.log().diff()
            assert torch.allclose(steps, steps.mean(), atol=1e-5)
    assert float(Grids.at(RATE_HZ).frequency_hz[3, -1]) == pytest.approx(0.45 * RATE_HZ)
    with pytest.raises(DataError, match="no room for the high band"):
        Grids.at(8000)


def test_sure_posteriors_give_their_class_and_flat_ones_the_middle() -> None:
    grids = Grids.at(RATE_HZ)
    classes = torch.randint(21, (5, 12), generator=generator_of(1))
    sure = 60.0 * torch.nn.functional.one_hot(classes, 21)
    assert torch.allclose(grids.expected(sure), grids.values(classes), rtol=1e-4)
    middle = grids.values(torch.full((1, 12), 10))
    flat = grids.expected(torch.zeros(1, 12, 21))
    assert torch.allclose(flat, middle, rtol=1e-4, atol=1e-5)
    assert float(grids.response_db(flat, curve_hz(RATE_HZ)).abs().max()) < 1e-4


# --- self-supervised data


def test_a_scene_without_gains_is_no_scene_and_with_them_reaches_them() -> None:
    at_hz = curve_hz(RATE_HZ)
    assert torch.allclose(scene_gain(3, at_hz, generator_of(1), reach_db=0.0), torch.ones(1))
    gain_db = 20 * scene_gain(400, at_hz, generator_of(2)).log10()
    assert float(gain_db.abs().max()) <= 10.001
    lowest = gain_db[:, 4]  # 20 Hz: the first band alone
    assert float(lowest.std()) == pytest.approx(20 / math.sqrt(12), rel=0.1)


def test_the_second_recording_differs_by_its_equaliser_alone() -> None:
    grids, n = Grids.at(RATE_HZ), 6
    values = grids.values(torch.randint(21, (n, 12), generator=generator_of(3)))
    at_hz = torch.tensor([150.0, 700.0, 3000.0, 7000.0])
    wanted_db = grids.response_db(values, at_hz)
    by_gain_db = 20 * equaliser_gain(values, at_hz, RATE_HZ).abs().log10()
    assert torch.allclose(by_gain_db, wanted_db, atol=1e-3)
    time_s = torch.arange(RATE_HZ) / RATE_HZ
    for tone, hz in enumerate(at_hz.tolist()):
        x = (2 * math.pi * hz * time_s).sin().expand(n, -1)
        first, second = staged_pair(x, x, values, RATE_HZ, generator_of(4))
        middle = slice(RATE_HZ // 3, 2 * RATE_HZ // 3)  # away from the onsets, which ring
        ratio = second[:, middle].square().mean(1) / first[:, middle].square().mean(1)
        assert torch.allclose(10 * ratio.log10(), wanted_db[:, tone], atol=0.05)


def test_loudness_is_that_of_the_standard() -> None:
    time_s = torch.arange(2 * 48_000) / 48_000
    tone = (2 * math.pi * 997 * time_s).sin()
    # A tone of full scale has -3.01 (BS.1770-4, annex 1), but torchaudio's filters clip it.
    found = loudness_lufs(torch.stack([0.5 * tone, 0.1 * tone, 0 * tone]), 48_000)
    assert found[:2].tolist() == pytest.approx([-9.03, -23.01], abs=0.05)
    assert float(found[2]) == -math.inf
    assert loudness_lufs(tone[None, :5000], 48_000).isfinite().all()  # shorter than a block


def test_silent_clips_are_dropped_but_a_soft_device_is_kept() -> None:
    view = waveform_view("phone")
    x = view.groups[0].clone()
    x[::3] *= 1e-4
    assert len(Excerpts.of(replace(view, groups=[x]), RATE_HZ, -55.0).clips) == 8
    soft = replace(view, groups=[0.003 * x])  # -62 LUFS and less
    assert len(Excerpts.of(soft, RATE_HZ, -55.0).clips) == 8
    with pytest.raises(DataError, match="3 unlabelled clips of a device are loud enough"):
        Excerpts.of(replace(view, groups=[view.groups[0][:3]]), RATE_HZ, -55.0)


@pytest.mark.parametrize("n_samples", [60, 250])
def test_pairs_share_no_clip_and_short_clips_are_put_end_to_end(n_samples: int) -> None:
    excerpts = numbered(7)
    first, second = excerpts.draw_pairs(20, n_samples, generator_of(1))
    assert first.shape == second.shape == (20, n_samples)
    for one, other in zip(first, second, strict=True):
        assert not set(one.tolist()) & set(other.tolist())
        assert len(one.unique()) == -(-n_samples // 100)
    again, _ = excerpts.draw_pairs(20, n_samples, generator_of(1))
    assert torch.equal(first, again)


def test_validation_has_clips_of_its_own() -> None:
    rest, held = numbered(100).split(10)
    sets = [{float(clip[0]) for clip in part.clips} for part in (rest, held)]
    assert (len(sets[0]), len(sets[1])) == (90, 10)
    assert not sets[0] & sets[1]
    assert len(numbered(9).split(10)[1].clips) == 5  # few clips: at least 4 each


# --- training


def test_a_known_equaliser_is_found_better_than_by_guessing_none() -> None:
    recipe = replace(SMALL, comparison="spectrum", batch=8, learning_rate=2e-3)
    run = training.Training(workshop_of(), recipe)
    for step in range(1, 31):
        run.step(step)
    rng, n = generator_of(9), 64
    values = run.grids.values(torch.randint(21, (n, 12), generator=rng))
    first, second = run.held.draw_pairs(n, run.n_samples, rng)
    first, second = staged_pair(first, second, values, RATE_HZ, rng)
    at_hz = torch.logspace(2, 3.9, 40)
    with torch.no_grad():
        pair = run.spectrogram(first), run.spectrogram(second)
        there, back = (run.network.eval()(*p) for p in (pair, pair[::-1]))
    found, swapped = (run.grids.response_db(run.grids.expected(p), at_hz) for p in (there, back))
    wanted = run.grids.response_db(values, at_hz)
    assert float((found - wanted).abs().mean()) < 0.95 * float(wanted.abs().mean())
    both = torch.corrcoef(torch.stack([found.flatten(), swapped.flatten()]))
    assert float(both[0, 1]) < -0.5  # what is asked the other way round is answered so


@pytest.mark.parametrize("comparison", ["learned", "linear", "log"])
def test_every_comparison_can_learn_what_it_sees(comparison: Any) -> None:
    run = training.Training(workshop_of(), replace(SMALL, comparison=comparison))
    losses = [float(run.step(1).detach()) for _ in range(15)]  # the same two pairs
    assert losses[-1] < 0.5 * losses[0]


def test_a_resumed_training_ends_at_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "CHECKPOINT_STEPS", 2)
    config = replace(SMALL, steps=5, validate_steps=3).config()
    whole = workshop_of()
    wanted = training.build(whole, config)
    assert whole.kept[0] == 4
    found = training.build(workshop_of(kept=whole.kept), config)
    assert wanted.facts == found.facts
    assert wanted.facts["n_parameters"] == 1_248_236
    assert all(torch.equal(wanted.tensors[name], found.tensors[name]) for name in wanted.tensors)


def test_a_training_can_be_resumed_before_its_first_validation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(training, "CHECKPOINT_STEPS", 1)
    config = replace(SMALL, steps=2, validate_steps=2).config()
    whole = workshop_of()
    wanted = training.build(whole, config)
    found = training.build(workshop_of(kept=whole.kept), config)
    assert whole.kept[2]["best_loss"] is None
    assert wanted.facts == found.facts


def test_training_ends_when_validation_gets_no_better() -> None:
    recipe = replace(SMALL, steps=50, validate_steps=1, patience=2, learning_rate=3.0)
    shop = workshop_of()
    made = training.build(shop, recipe.config())
    assert made.facts["steps"] < 50
    assert shop.reports[-1][:2] == (made.facts["steps"], made.facts["steps"])


# --- recipes


def test_the_paper_budget_has_the_published_numbers() -> None:
    found = estimator_recipe("auto", "paper", sample_rate_hz=44_100, comparison="learned")
    assert (found.hop_ms, found.input_s, found.batch, found.learning_rate) == (3, 3, 8, 5e-4)
    assert (found.steps, found.validate_steps, found.patience) == (200_000, 2000, 20)
    assert found.gate_lufs == -55
    chosen = estimator_recipe("quick", "paper", sample_rate_hz=44_100, comparison="log")
    assert chosen.steps <= 1000
    assert EstimatorRecipe.of(chosen.config()) == chosen


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"comparison": "cubic"}, "comparison of the estimator's recipe is 'cubic'"),
        ({"steps": 0}, "steps of the estimator's recipe is 0"),
        ({"hop_ms": -3.0}, "hop_ms"),
        ({"width": 3}, "another version"),
    ],
)
def test_recipes_that_cannot_be_are_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ContractError, match=words) as caught:
        EstimatorRecipe.of({**SMALL.config(), **change})
    assert caught.value.fix


# --- responses as filters


def test_a_filter_has_its_curve_and_comes_at_once() -> None:
    at_hz = curve_hz(RATE_HZ)
    curves_db = torch.stack([torch.zeros_like(at_hz), 10 * (at_hz / 900).clamp(min=0.1).log10()])
    taps = minimum_phase(curves_db)
    magnitude_db = 20 * torch.fft.rfft(taps).abs().log10()
    assert torch.allclose(magnitude_db, curves_db, atol=1e-3)
    assert float((taps[0] - torch.eye(1, 4096)[0]).abs().max()) < 1e-6
    assert float(taps[1, :64].square().sum() / taps[1].square().sum()) > 0.99


def test_jitter_stays_within_its_reach() -> None:
    at_hz = curve_hz(RATE_HZ)
    peak = -(at_hz - 2000).abs().expand(200, -1)
    assert torch.equal(stretched(peak, 0.0, generator_of(1)), peak)
    tops_hz = at_hz[stretched(peak, 0.1, generator_of(1)).argmax(dim=1)]
    assert 2000 / 1.1 - 10 < float(tops_hz.min()) < 1850
    assert 2150 < float(tops_hz.max()) < 2200 + 10
    ripple_db = ripples(200, 2.0, at_hz, generator_of(2))
    assert 1.9 < float(ripple_db.abs().max()) <= 2.0 + 1e-5
    assert abs(float(ripple_db.mean())) < 0.1
