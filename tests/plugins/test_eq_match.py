"""eq-match: what it asks the estimator for, and what it does with the answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from devbench import Artifact, DataError, FeatureSpec
from devbench.contract.side import ArtifactRequest
from devbench.registry import find, load_spec
from devbench_plugins.equalisation.matching import Matcher
from devbench_plugins.equalisation.recipes import EstimatorRecipe
from devbench_plugins.equalisation.training import build
from helpers.views import (
    MemoryWorkshop,
    fitted,
    generator_of,
    labelled_view,
    side_of,
    small_config,
    waveform_batch_of,
)

SPEC = load_spec(find("method", "eq-match"))


@pytest.fixture(scope="module")
def method() -> Any:
    return fitted(SPEC, n_pairs=8, jitter_db=0.0, stretch=0.0)


def with_curves(method: Any, *curves_db: torch.Tensor) -> Any:
    """Return the method with other responses of its targets."""
    method.curves_db = torch.stack([torch.zeros_like(method.at_hz), *curves_db])
    return method


def test_the_estimator_sees_the_source_alone() -> None:
    asked: list[ArtifactRequest] = []

    def answer(request: ArtifactRequest) -> Artifact:
        asked.append(request)
        shop = MemoryWorkshop(request.devices, request.seed, acts_on="waveform")
        return request.build(shop, small_config(request.name, request.config))

    side = replace(side_of(SPEC), budget="quick", _artifact=answer)
    options = {"n_pairs": 2, "comparison": "log", "estimator_seed": 4, "retrain": True}
    SPEC.build(**options).fit(labelled_view("phone"), side, generator_of(1))
    (request,) = asked
    assert request.devices == ("phone",)
    assert (request.seed, request.use_shipped) == (4, False)
    recipe = EstimatorRecipe.of(request.config)
    assert (recipe.comparison, recipe.sample_rate_hz) == ("log", side.features.sample_rate_hz)


def test_a_rate_that_is_too_low_is_told_before_anything_is_trained() -> None:
    side = replace(side_of(SPEC), features=FeatureSpec(sample_rate_hz=8000, fmax_hz=4000.0))
    with pytest.raises(DataError, match="at 8000 Hz there is no room") as caught:
        SPEC.build().fit(labelled_view("phone"), replace(side, _artifact=None), generator_of(1))
    assert "16000 Hz" in caught.value.fix


def test_a_clip_is_left_or_gets_the_response_of_one_target(method: Any) -> None:
    slope_db = (method.at_hz / 1000).clamp(min=0.05).log2()
    method = with_curves(method, 3 * slope_db, 12.0 + 0 * slope_db)
    batch = waveform_batch_of(60)
    out = method.augment(batch, generator_of(2))
    gain_db = 10 * (out.clips.square().mean(1) / batch.clips.square().mean(1)).log10()
    is_left = (out.clips == batch.clips).all(dim=1)
    is_louder = (gain_db - 12).abs() < 0.01
    assert 8 < int(is_left.sum()) < 32  # a third of 60
    assert 8 < int(is_louder.sum()) < 32
    assert not bool((is_left & is_louder).any())
    one = method.convert(batch, "laptop", generator_of(1)).clips
    assert torch.allclose(one[is_louder], out.clips[is_louder], atol=1e-6)


def test_converted_noise_differs_by_the_curve(method: Any) -> None:
    wanted_db = 6 * torch.sin(method.at_hz / 1500)
    method = with_curves(method, wanted_db, wanted_db)
    noise = 0.1 * torch.randn(8, 16_384, generator=generator_of(1))
    batch = replace(waveform_batch_of(8), waveform=noise)
    out = method.convert(batch, "watch", generator_of(1)).clips
    window = torch.hann_window(4096)
    power = [
        torch.stft(x, 4096, 1024, window=window, return_complex=True).abs().square().mean((0, 2))
        for x in (noise, out)
    ]
    found_db = 10 * (power[1] / power[0]).log10()
    # the same noise, so only leakage between bins is left
    assert float((found_db - wanted_db)[20:].abs().mean()) < 0.1
    with pytest.raises(DataError, match="'phone' is no target"):
        method.convert(batch, "phone", generator_of(1))


def test_jitter_gives_equal_clips_of_one_target_different_responses() -> None:
    method = with_curves(fitted(SPEC, n_pairs=2), *torch.zeros(2, 2049))
    batch = waveform_batch_of(1)
    same = replace(batch, target=batch.target.expand(20, -1), waveform=batch.clips.expand(20, -1))
    out = method.augment(same, generator_of(1)).clips
    changed = out[(out != batch.clips).any(dim=1)]
    assert len(changed.unique(dim=0)) == len(changed) > 5
    gain_db = 10 * (changed.square().mean(1) / batch.clips.square().mean()).log10()
    assert float(gain_db.abs().max()) < 2.1


def test_devices_that_are_equal_need_no_equaliser_and_dull_ones_a_dull_one() -> None:
    config = {"sample_rate_hz": 22_050, "comparison": "spectrum"}
    config = {**small_config("one-shot-eq", config), "steps": 40, "batch": 8}
    shop = MemoryWorkshop(("phone",), acts_on="waveform")
    matcher = Matcher(build(shop, {**config, "learning_rate": 2e-3}), torch.device("cpu"))
    noise = torch.randn(24, 16_538, generator=generator_of(1))
    dull = noise + 0.9 * noise.roll(1, dims=1)  # falls by 20 dB towards half the rate
    plain, other, duller = (matcher.embeddings(x) for x in (noise[:12], noise[12:], dull[12:]))
    at_hz = torch.tensor([300.0, 8000.0])
    equal_db = matcher.response_db(plain, other, at_hz)
    dull_db = matcher.response_db(plain, duller, at_hz)
    assert float(equal_db.diff().abs()) < 1
    assert float(dull_db.diff()) < float(equal_db.diff()) - 1
