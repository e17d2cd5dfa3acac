"""blind-best and unpaired-best: sums of their parts, of which each can be switched off."""

from __future__ import annotations

import pytest
import torch

from devbench.registry import find, load_spec
from helpers.views import batch_for, fitted, generator_of

OFF = {"mix_probability": 0.0}
STAGES = {"stem": (8, 20, 20), "stage1": (8, 10, 10), "stage2": (16, 5, 5)}


def spec_of(name: str):
    return load_spec(find("method", name))


def test_blind_best_with_every_part_off_is_the_identity() -> None:
    spec = spec_of("blind-best")
    batch = batch_for(spec)
    method = fitted(spec, **OFF, probability=0.0, noise_probability=0.0, level_db=0.0)
    torch.testing.assert_close(method.augment(batch, generator_of(5)).clips, batch.clips)


def test_level_moves_a_clip_as_a_whole_and_no_farther_than_it_may() -> None:
    spec = spec_of("blind-best")
    batch = batch_for(spec, 64)
    method = fitted(spec, **OFF, probability=0.0, noise_probability=0.0, level_db=6.0)
    added = method.augment(batch, generator_of(5)).clips - batch.clips
    spread = added.amax((1, 2, 3)) - added.amin((1, 2, 3))
    assert spread.max() < 1e-3
    assert 5.0 < added.abs().max() <= 6.0
    assert added.mean((1, 2, 3)).std() == pytest.approx(6 / 3**0.5, rel=0.25)


def test_unpaired_best_without_mixing_is_transport_match() -> None:
    best, plain = spec_of("unpaired-best"), spec_of("transport-match")
    batch = batch_for(best)
    clips = [
        fitted(spec, **options).augment(batch, generator_of(5)).clips
        for spec, options in ((best, OFF), (plain, {}))
    ]
    assert torch.equal(*clips)


@pytest.mark.parametrize("name", ["blind-best", "unpaired-best"])
def test_only_the_first_stage_is_normalised(name: str) -> None:
    layers = fitted(spec_of(name)).layers(STAGES)
    assert list(layers) == ["stem"]
    assert not list(layers["stem"].parameters())
