"""Backbones: counted parameters, any number of frames, stages that take inserted layers."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from devbench import BackboneSpec, ContractError
from devbench.registry import find, load_spec

NAMES = ("small-cnn", "resnet18", "resnet50")


def spec_of(name: str) -> BackboneSpec:
    spec = load_spec(find("backbone", name))
    assert isinstance(spec, BackboneSpec)
    return spec


def count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def small_cnn_count(width: int, n_classes: int) -> int:
    channels = [1, width, 2 * width, 4 * width, 8 * width]
    blocks = sum(9 * a * b + 2 * b for a, b in pairwise(channels))
    return blocks + (8 * width + 1) * n_classes


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # Published counts for 3 channels and 1,000 classes, less the classifier, less two of the
        # three input channels (2 * 64 * 7 * 7 = 6,272), plus a classifier of 20 classes.
        ("resnet50", 25_557_032 - 2_049_000 - 6_272 + 2049 * 20),
        ("resnet18", 11_689_512 - 513_000 - 6_272 + 513 * 20),
        ("small-cnn", small_cnn_count(32, 20)),
    ],
)
def test_parameters_are_as_many_as_counted_by_hand(name: str, expected: int) -> None:
    assert count(spec_of(name).build(n_classes=20, n_bins=80)) == expected


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("n_bins", "n_frames"), [(80, 80), (80, 8), (64, 101)])
def test_any_number_of_frames_and_bins_gives_one_row_per_clip(
    name: str, n_bins: int, n_frames: int
) -> None:
    model = spec_of(name).build(n_classes=5, n_bins=n_bins).eval()
    with torch.no_grad():
        logits = model(torch.randn(2, 1, n_bins, n_frames))
    assert logits.shape == (2, 5)
    assert bool(logits.isfinite().all())


@pytest.mark.parametrize("name", NAMES)
def test_a_clip_scores_alone_as_in_company(name: str) -> None:
    model = spec_of(name).build(n_classes=5, n_bins=80).eval()
    x = torch.randn(3, 1, 80, 80)
    with torch.no_grad():
        together, alone = model(x), torch.cat([model(clip[None]) for clip in x])
    assert torch.allclose(together, alone, rtol=1e-4, atol=1e-4)  # other sums, same numbers


@pytest.mark.parametrize("name", NAMES)
def test_same_random_state_gives_the_same_weights(name: str) -> None:
    states = []
    for _ in range(2):
        with torch.random.fork_rng():
            torch.manual_seed(3)
            states.append(spec_of(name).build(n_classes=5, n_bins=80).state_dict())
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


@pytest.mark.parametrize("name", NAMES)
def test_layers_behind_the_stages_are_computed_in_order(name: str) -> None:
    spec = spec_of(name)
    model = spec.build(n_classes=5, n_bins=80)
    seen: list[str] = []
    for stage in spec.stages:
        model.get_submodule(stage).register_forward_hook(
            lambda _module, _inputs, _output, stage=stage: seen.append(stage)
        )
    layers = load_spec(find("method", "rfn")).build().layers({s: (1, 1, 1) for s in spec.stages})
    for stage, layer in layers.items():  # what the harness does
        setattr(model, stage, nn.Sequential(model.get_submodule(stage), layer))
    model(torch.randn(2, 1, 80, 32)).sum().backward()
    assert tuple(seen) == spec.stages
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_resnet_sizes_are_those_of_the_paper() -> None:
    model = spec_of("resnet50").build(n_classes=5, n_bins=80).eval()
    sizes: dict[str, tuple[int, ...]] = {}
    for stage in spec_of("resnet50").stages:
        model.get_submodule(stage).register_forward_hook(
            lambda _m, _i, output, stage=stage: sizes.update({stage: tuple(output.shape[1:])})
        )
    with torch.no_grad():
        model(torch.randn(1, 1, 80, 80))
    assert sizes == {
        "stem": (64, 20, 20),
        "layer1": (256, 20, 20),
        "layer2": (512, 10, 10),
        "layer3": (1024, 5, 5),
        "layer4": (2048, 3, 3),
    }


def test_small_cnn_options_are_used_and_checked() -> None:
    build = spec_of("small-cnn").build
    assert count(build(n_classes=7, n_bins=80, width=8)) == small_cnn_count(8, 7)
    assert build(n_classes=7, n_bins=80, dropout=0.5).dropout.p == 0.5
    with pytest.raises(ContractError, match="width"):
        build(n_classes=7, n_bins=80, width=1)
