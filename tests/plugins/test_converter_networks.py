"""The networks of Microphone Conversion: sizes as published, what each can and cannot see."""

from __future__ import annotations

import functools

import pytest
import torch
from torch import nn

from devbench_plugins.networks.cyclegan import InstanceNorm, PatchDiscriminator, ResnetGenerator
from devbench_plugins.networks.film import FilmEncoder, modulated
from devbench_plugins.networks.unified import UnifiedGenerator, on_bins


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def n_parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def awake(generator: UnifiedGenerator) -> UnifiedGenerator:
    """Give the layers that start at zero values of their own, as training does."""
    with torch.no_grad():
        for layer, seed in ((generator.film.out, 1), (generator.network.last, 2)):
            layer.weight.copy_(0.1 * drawn(*layer.weight.shape, seed=seed))
    return generator.eval()


def relative(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).detach().norm() / b.detach().norm())


def test_the_published_networks_have_the_published_number_of_parameters() -> None:
    assert n_parameters(ResnetGenerator()) == 11_365_633
    assert n_parameters(PatchDiscriminator()) == 134_337


def test_a_patch_of_the_discriminator_sees_16_by_16() -> None:
    critic = PatchDiscriminator(width=4, norm="none").eval()
    x = drawn(1, 1, 80, 80).requires_grad_()
    scores = critic(x)
    assert scores.shape == (1, 1, 38, 38)
    scores[0, 0, 19, 19].backward()
    assert x.grad is not None
    seen = torch.nonzero(x.grad[0, 0])
    assert (seen.max(0).values - seen.min(0).values + 1).tolist() == [16, 16]


@pytest.mark.parametrize(("n_bins", "n_frames"), [(80, 80), (80, 77), (80, 81), (78, 79), (80, 5)])
def test_any_number_of_frames_comes_back(n_bins: int, n_frames: int) -> None:
    x = drawn(2, 1, n_bins, n_frames)
    assert ResnetGenerator(4, 1)(x).shape == x.shape
    assert UnifiedGenerator(4, 1, skip=True, informed=True)(x, drawn(2, 128)).shape == x.shape


def test_instance_norm_is_that_of_torch() -> None:
    x = 3 * drawn(2, 5, 8, 9) + 1
    assert torch.allclose(InstanceNorm()(x), nn.functional.instance_norm(x), atol=1e-5)


def test_the_published_generator_is_blind_to_level_and_contrast() -> None:
    generator, difference = awake(UnifiedGenerator(8, 2)), drawn(1, 128, seed=3)
    x = drawn(1, 1, 40, 40)
    plain = generator(x, difference)
    for scale, shift in ((1.0, 3.0), (2.0, 0.0), (0.5, -4.0)):
        assert relative(generator(scale * x + shift, difference), plain) < 1e-3
    assert relative(generator(drawn(1, 1, 40, 40, seed=9), difference), plain) > 0.1


def test_the_level_aware_generator_sees_both() -> None:
    generator = awake(UnifiedGenerator(8, 2, skip=True, norm="none"))
    x, difference = drawn(1, 1, 40, 40), drawn(1, 128, seed=3)
    plain = generator(x, difference)
    assert relative(generator(x + 3, difference), plain) > 0.1
    network = generator.network  # not only what the skip carries: the network itself changes
    assert relative(network(x + 3), network(x)) > 0.01


def test_the_level_aware_generator_starts_at_the_closed_form() -> None:
    generator = UnifiedGenerator(8, 2, skip=True, informed=True, norm="none")
    x, difference = drawn(2, 1, 40, 40), drawn(2, 128, seed=3)
    shifted = x + on_bins(difference, 40)[:, None, :, None]
    assert torch.allclose(generator(x, difference), shifted, atol=1e-5)


def test_the_published_encoder_is_blind_to_the_size_of_a_difference() -> None:
    encoder = FilmEncoder(16)
    nn.init.normal_(encoder.out.weight, generator=torch.Generator().manual_seed(1))
    difference = 4 * drawn(1, 128).cumsum(1) / 10

    def embedding(x: torch.Tensor) -> torch.Tensor:
        return torch.cat(encoder(x), dim=1) - torch.cat(encoder.eval()(0 * x), dim=1)

    plain = embedding(difference)
    for factor in (0.5, 2.0, 10.0):
        assert relative(embedding(factor * difference), plain) < 1e-2
    assert relative(embedding(difference + 5), plain) < 1e-2
    assert relative(embedding(-difference), plain) > 0.05


def test_the_scale_aware_encoder_sees_the_size() -> None:
    encoder = FilmEncoder(16, norm="none")
    nn.init.normal_(encoder.out.weight, generator=torch.Generator().manual_seed(1))
    difference = 4 * drawn(1, 128).cumsum(1) / 10
    plain = torch.cat(encoder(difference), dim=1) - 1
    for factor in (0.5, 2.0):
        changed = torch.cat(encoder(factor * difference), dim=1) - 1
        assert relative(changed, plain) > 0.1


def test_film_acts_behind_the_norm_of_the_first_block_alone() -> None:
    network = ResnetGenerator(4, 2)
    scale, shift = 1 + drawn(1, 16), drawn(1, 16, seed=1)
    seen: list[torch.Tensor] = []

    def spy(hidden: torch.Tensor) -> torch.Tensor:
        seen.append(hidden)
        return modulated(hidden, scale, shift)

    x = drawn(1, 1, 40, 40)
    changed = network(x, spy)
    assert len(seen) == 1
    assert (
        float(seen[0].detach().mean((2, 3)).abs().max()) < 1e-4
    )  # normalised: behind InstanceNorm
    assert relative(changed, network(x)) > 1e-3
    neutral = functools.partial(modulated, scale=torch.ones(1, 16), shift=torch.zeros(1, 16))
    assert torch.equal(network(x, neutral), network(x))


def test_a_fresh_encoder_changes_nothing_and_learns() -> None:
    generator = UnifiedGenerator(4, 1)
    x, difference = drawn(2, 1, 40, 40), drawn(2, 128, seed=3)
    assert torch.allclose(generator(x, difference), generator(x, -difference))
    generator(x, difference).square().mean().backward()
    gradient = generator.film.out.weight.grad
    assert gradient is not None
    assert float(gradient.abs().max()) > 0
    nn.init.normal_(generator.film.out.weight)
    generator.zero_grad()
    generator(x, difference).square().mean().backward()
    for name, parameter in generator.film.named_parameters():
        assert parameter.grad is not None, name
        # a bias in front of InstanceNorm cannot matter
        if "convolutions" not in name or name.endswith("weight"):
            assert float(parameter.grad.abs().max()) > 0, name


def test_a_curve_on_bins_is_the_curve_on_bands() -> None:
    ramp = torch.linspace(-3, 5, 128)[None]
    assert torch.allclose(on_bins(ramp, 80), torch.linspace(-3, 5, 80)[None], atol=1e-5)
