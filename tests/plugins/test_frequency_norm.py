"""Relaxed instance frequency-wise normalisation: its limits, and what it is blind to."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from devbench.registry import find, load_spec
from devbench_plugins.networks.frequency_norm import RelaxedFrequencyNorm


@pytest.fixture
def x() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return 3 * torch.randn(4, 6, 10, 12, generator=generator) + 2


def device_change(x: torch.Tensor) -> torch.Tensor:
    """Return x with another gain and offset in each bin."""
    generator = torch.Generator().manual_seed(1)
    gain = 0.5 + torch.rand(1, 1, x.shape[2], 1, generator=generator)
    return gain * x + 5 * torch.randn(1, 1, x.shape[2], 1, generator=generator)


def test_share_one_is_layer_norm(x: torch.Tensor) -> None:
    expected = nn.functional.layer_norm(x, x.shape[1:], eps=1e-5)
    assert torch.allclose(RelaxedFrequencyNorm(1.0)(x), expected, atol=1e-5)


def test_share_zero_is_instance_norm_per_bin(x: torch.Tensor) -> None:
    # Instance norm works per channel: let bins be the channels.
    expected = nn.functional.instance_norm(x.transpose(1, 2), eps=1e-5).transpose(1, 2)
    assert torch.allclose(RelaxedFrequencyNorm(0.0)(x), expected, atol=1e-5)


def test_shares_mix_linearly(x: torch.Tensor) -> None:
    layer, frequency = RelaxedFrequencyNorm(1.0)(x), RelaxedFrequencyNorm(0.0)(x)
    mixed = RelaxedFrequencyNorm(0.3)(x)
    assert torch.allclose(mixed, 0.3 * layer + 0.7 * frequency, atol=1e-5)


def test_frequency_norm_is_blind_to_a_device_and_relaxed_norm_is_not(x: torch.Tensor) -> None:
    x = x[:, :1]
    frequency, relaxed = RelaxedFrequencyNorm(0.0), RelaxedFrequencyNorm(0.5)
    assert torch.allclose(frequency(x), frequency(device_change(x)), atol=1e-4)
    assert (relaxed(x) - relaxed(device_change(x))).abs().max() > 0.1


def test_clips_do_not_see_each_other(x: torch.Tensor) -> None:
    layer = RelaxedFrequencyNorm()
    together, alone = layer(x), torch.cat([layer(clip[None]) for clip in x])
    assert torch.allclose(together, alone, atol=1e-6)


def test_training_and_use_are_the_same_and_there_is_nothing_to_store(x: torch.Tensor) -> None:
    layer = RelaxedFrequencyNorm()
    assert torch.equal(layer.train()(x), layer.eval()(x))
    assert not layer.state_dict()


def test_low_precision_input_keeps_its_type_and_its_statistics(x: torch.Tensor) -> None:
    layer = RelaxedFrequencyNorm()
    low = layer(x.bfloat16())
    assert low.dtype == torch.bfloat16
    assert torch.allclose(low.float(), layer(x), atol=0.05)  # bfloat16 has 8 bits


def test_one_layer_goes_behind_each_stage() -> None:
    stages = {"stem": (64, 20, 20), "layer1": (256, 20, 20)}
    layers = load_spec(find("method", "rfn")).build(layer_norm_share=0.25).layers(stages)
    assert set(layers) == set(stages)
    assert len({id(layer) for layer in layers.values()}) == len(stages)
    assert all(layer.layer_norm_share == 0.25 for layer in layers.values())
