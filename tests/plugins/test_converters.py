"""Parts of converter training, each against what its definition promises."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from devbench import DataError, FrequencyResponse
from devbench_plugins.converters import one_to_one, unified
from devbench_plugins.converters.adversarial import judged_as
from devbench_plugins.converters.buffer import ImageBuffer
from devbench_plugins.converters.conditions import (
    LEVEL_REACH_DB,
    band_curves,
    levelled,
    synthetic_differences,
)
from devbench_plugins.converters.recipes import PairRecipe, Recipe, pair_recipe, unified_recipe
from devbench_plugins.converters.scale import Scale, measured_scale
from devbench_plugins.converters.transport import band_quantiles, transported
from devbench_plugins.methods import umc, umc_plus
from helpers.views import (
    DEVICES,
    MemoryWorkshop,
    bin_centres_hz,
    fitted,
    generator_of,
    small_config,
    tilt_response,
    tilts,
    unlabelled_view,
)

SMALL = small_config("umc", unified_recipe("quick", "quick").config())


def numbered(n: int, first: int = 0) -> torch.Tensor:
    """Return n images, each filled with its number."""
    return torch.arange(first, first + n).float().view(n, 1, 1, 1).expand(n, 1, 2, 2).clone()


def test_the_buffer_returns_what_comes_in_until_it_is_full() -> None:
    buffer = ImageBuffer(5)
    for first in (0, 3):
        fakes = numbered(3, first)
        out = buffer.swap(fakes, generator_of(1))
        assert torch.equal(out[: 5 - first], fakes[: 5 - first])
    assert len(buffer.images) == 5


def test_a_full_buffer_gives_half_new_half_kept_and_loses_nothing() -> None:
    buffer, rng = ImageBuffer(50), generator_of(2)
    buffer.swap(numbered(50), rng)
    new = 0
    for batch in range(200):
        fakes = numbered(10, 1000 + 10 * batch)
        before = buffer.images.clone()
        out = buffer.swap(fakes, rng)
        together = torch.cat([out, buffer.images])[:, 0, 0, 0].sort().values
        assert torch.equal(together, torch.cat([fakes, before])[:, 0, 0, 0].sort().values)
        new += int((out[:, 0, 0, 0] >= 1000 + 10 * batch).sum())
    # 2,000 coins, and a little more: what went in can come out in the same batch
    assert abs(new / 2000 - 0.55) < 0.05


def test_a_buffer_of_none_passes_on() -> None:
    fakes = numbered(3)
    assert torch.equal(ImageBuffer(0).swap(fakes, generator_of(1)), fakes)


def test_the_costs_have_their_minimum_where_they_should() -> None:
    scores = torch.linspace(-6, 6, 49).requires_grad_()
    squares = torch.stack([judged_as(s, real=True, loss="least-squares") for s in scores])
    assert float(scores[squares.argmin()].detach()) == 1.0
    for real in (True, False):
        cost = judged_as(torch.zeros(4), real=real, loss="nll")
        assert float(cost) == pytest.approx(math.log(2))
        sure = judged_as(torch.full((4,), 9.0 if real else -9.0), real=real, loss="nll")
        assert float(sure) < 1e-3


def test_curves_on_bands_differ_as_the_responses_do() -> None:
    responses = {"a": tilt_response(0.0), "b": tilt_response(6.0)}
    curves = band_curves(responses, ("a", "b"), bin_centres_hz())
    assert curves.shape == (2, 128)
    assert float(curves[0].abs().max()) < 1e-6
    assert bool((curves[1].diff() >= 0).all())
    decades = math.log10(10_000 / 50)
    assert float(curves[1, -1] - curves[1, 0]) == pytest.approx(6 * decades, abs=0.1)


@pytest.mark.parametrize(("low_hz", "high_hz", "n"), [(50, 4000, 128), (500, 11_000, 128),
                                                     (20, 11_000, 8)])  # fmt: skip
def test_a_response_that_does_not_reach_the_bins_is_refused(
    low_hz: float, high_hz: float, n: int
) -> None:
    freq_hz = np.geomspace(low_hz, high_hz, n)
    short = FrequencyResponse(freq_hz=freq_hz, gain_db=np.zeros(n))
    with pytest.raises(DataError, match=f"response of 'b' has {n} points") as caught:
        band_curves({"a": tilt_response(0), "b": short}, ("a", "b"), bin_centres_hz())
    assert "measure it" in caught.value.fix
    with pytest.raises(DataError, match="no frequency response of c"):
        band_curves({"a": tilt_response(0)}, ("a", "c"), bin_centres_hz())


def test_synthetic_differences_have_the_calibrated_size() -> None:
    drawn = synthetic_differences(
        20_000, torch.empty(0), generator_of(3), end_strength=1.0, ripple_db=0.0
    )
    knots = [0, 12, 38, 64, 89, 115, 127]
    size_db = drawn[:, knots].abs().mean(0)
    for got, stated in zip(size_db.tolist(), (11.0, 1.8, 1.4, 1.9, 2.7, 5.3, 7.4), strict=True):
        assert got == pytest.approx(stated, rel=0.12)  # a knot may lie between two bands
    assert float(drawn.mean(0).abs().max()) < 0.3
    rippled = synthetic_differences(
        4000, torch.empty(0), generator_of(4), strength=0.0, ripple_db=2.0
    )
    assert float(rippled.std()) == pytest.approx(2.0, rel=0.05)
    centred = rippled - rippled.mean()
    lags = [float((centred[:, lag:] * centred[:, : 128 - lag]).mean()) / 4 for lag in (1, 2, 4)]
    assert lags == pytest.approx([2 / 3, 1 / 3, 0.0], abs=0.05)  # a mean over three bands


def test_levelled_curves_differ_as_loud_as_the_clips_do() -> None:
    curves_db = torch.stack([torch.linspace(-4, 9, 128), torch.zeros(128), torch.ones(128)])
    views = [unlabelled_view(name) for name in DEVICES]
    out = levelled(curves_db, views)
    means_db = [torch.cat([b.clips.flatten(1).mean(1) for b in view]).mean() for view in views]
    assert torch.allclose(out.mean(1), torch.stack(means_db), atol=1e-3)
    shapes = curves_db - curves_db.mean(1, keepdim=True)
    assert torch.allclose(out - out.mean(1, keepdim=True), shapes, atol=1e-4)


def test_level_is_measured_where_it_is_known_and_drawn_where_not() -> None:
    n, like = 4000, torch.empty(0)
    spreads_db = {}
    for module in (umc, umc_plus):
        for form in (module.real, module.synth):
            spec = form.devbench_method()
            method = fitted(spec)
            told_db = method.conditions(n, like, generator_of(6)) * method.scale.sd_db
            spreads_db[spec.name] = told_db.mean(1).unique().tolist()
    # as recorded, each device is 5 dB below the one before
    curves = band_curves(tilts(), DEVICES, bin_centres_hz()).mean(1)
    as_told = (curves[1:] - curves[0]).tolist()
    assert sorted(spreads_db["umc-real"]) == pytest.approx(sorted(as_told), abs=1e-3)
    assert sorted(spreads_db["umc-plus-real"]) == pytest.approx([-10.0, -5.0], abs=1.0)
    published, level_aware = (
        torch.tensor(spreads_db[f"{form}-synth"]).std() for form in ("umc", "umc-plus")
    )
    drawn_db = LEVEL_REACH_DB / 3**0.5
    assert float(level_aware) == pytest.approx(math.hypot(float(published), drawn_db), rel=0.05)


def test_the_scale_makes_all_devices_together_standard() -> None:
    views = [unlabelled_view(name) for name in DEVICES]
    scale = measured_scale(views)
    clips = [scale.standard(batch.clips) for view in views for batch in view]
    by_clip = torch.cat([c.flatten(1).mean(1) for c in clips])
    assert float(by_clip.mean()) == pytest.approx(0.0, abs=1e-3)
    squares = torch.cat([c.square().flatten(1).mean(1) for c in clips])
    assert float(squares.mean()) == pytest.approx(1.0, abs=1e-3)
    assert scale.least_db == pytest.approx(
        min(float(batch.clips.min()) for view in views for batch in view), abs=1e-3
    )
    back = Scale.of(scale.tensors())
    x_db = torch.tensor([-50.0, 3.0])
    assert torch.allclose(back.decibels(scale.standard(x_db)), x_db, atol=1e-4)


def test_transport_gives_the_distribution_of_the_target_and_keeps_order() -> None:
    source, target = unlabelled_view(DEVICES[0]), unlabelled_view(DEVICES[2])
    there = band_quantiles(source)[None], band_quantiles(target)[None]
    x = next(iter(source)).clips
    n = len(x)
    moved = transported(x, there[0].expand(n, -1, -1), there[1].expand(n, -1, -1))
    ends = torch.tensor([0.1, 0.5, 0.9])
    wanted = torch.cat([batch.clips[:, 0].mT.flatten(0, 1) for batch in target])
    got = moved[:, 0].mT.flatten(0, 1)
    # two groups of clips of one device differ by their draws alone: deviation 6 to 12 dB over 144
    assert float((got.quantile(ends, 0) - wanted.quantile(ends, 0)).abs().mean()) < 1.5
    order = x[0, 0, 5].argsort()
    assert bool((moved[0, 0, 5][order].diff() >= -1e-4).all())
    same = transported(x, there[0].expand(n, -1, -1), there[0].expand(n, -1, -1))
    assert torch.allclose(same, x, atol=1e-2)
    outside = transported(x + 100, there[0].expand(n, -1, -1), there[1].expand(n, -1, -1))
    assert bool(outside.isfinite().all())
    assert float(outside.min()) > float(moved.max())


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"skip": True, "norm": "none", "critic_norm": "none"},
        {"informed": True, "film_norm": "none", "synthetic": 0.5, "transport_weight": 10.0},
    ],
)
def test_a_resumed_training_ends_with_the_same_bytes(
    changes: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unified, "CHECKPOINT_STEPS", 4)
    config = {**SMALL, **changes}
    whole = MemoryWorkshop()
    straight = unified.build(whole, config)
    assert [step for step, _, _ in whole.reports] == [9]  # 36 clips, 4 a step
    assert all(math.isfinite(value) for value in whole.reports[0][2].values())
    assert whole.kept[0] == 8
    broken = MemoryWorkshop()
    broken.kept = None

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    original = broken.checkpoint

    def once(step: int, tensors: object, state: object) -> None:
        original(step, tensors, state)  # type: ignore[arg-type]
        stop()

    broken.checkpoint = once  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        unified.build(broken, config)
    assert broken.kept[0] == 4
    broken.checkpoint = original  # type: ignore[method-assign]
    resumed = unified.build(broken, config)
    assert sorted(resumed.tensors) == sorted(straight.tensors)
    for name, tensor in straight.tensors.items():
        assert torch.equal(resumed.tensors[name], tensor), name
    assert broken.reports == whole.reports


def test_both_lengths_of_one_to_one_come_from_one_training() -> None:
    config = {
        **small_config("mc", pair_recipe("quick", "quick").config()),
        "kept_epochs": [2, 3],
    }
    workshop = MemoryWorkshop(devices=("phone", "watch"))
    artifact = one_to_one.build(workshop, config)
    recipe = PairRecipe.of(artifact.facts["recipe"])
    x = torch.randn(1, 1, 40, 20, generator=generator_of(1))
    made = {
        (way, epoch): one_to_one.generator_of(artifact.tensors, recipe, way=way, epoch=epoch)(x)
        for way in one_to_one.WAYS
        for epoch in (2, 3)
    }
    outputs = list(made.values())
    for number, output in enumerate(outputs):
        assert all(not torch.equal(output, other) for other in outputs[:number])
    shorter = one_to_one.build(
        MemoryWorkshop(devices=("phone", "watch")), {**config, "kept_epochs": [2]}
    )
    for name, tensor in shorter.tensors.items():
        assert torch.equal(artifact.tensors[name], tensor), name


def test_too_few_clips_are_named() -> None:
    workshop = MemoryWorkshop()
    unpaired = dict(workshop.unpaired)
    unpaired["watch"].groups[:] = [group[:1] for group in unpaired["watch"].groups]  # type: ignore[index]

    class Poor(MemoryWorkshop):
        @property
        def unpaired(self) -> object:  # type: ignore[override]
            return unpaired

    with pytest.raises(DataError, match="'watch' has 2 unlabelled clips; a converter needs 4"):
        unified.build(Poor(), SMALL)
    with pytest.raises(DataError, match="needs 2 devices and got 1"):
        unified.build(MemoryWorkshop(devices=("phone",)), SMALL)


def test_the_paper_budget_is_the_papers() -> None:
    paper = unified_recipe("auto", "paper")
    assert (paper.width, paper.n_blocks, paper.epochs, paper.batch) == (64, 9, 100, 400)
    assert (paper.learning_rate, paper.decay_epochs, paper.cycle_weight) == (5e-4, 30, 10.0)
    assert (paper.norm, paper.film_norm, paper.skip, paper.synthetic) == (
        "instance", "instance", False, 0.0,
    )  # fmt: skip
    assert pair_recipe("auto", "paper").kept_epochs == (100, 200)
    assert unified_recipe("auto", "my-own-budget") == unified_recipe("standard", "quick")
    assert Recipe.of(paper.config()) == paper
