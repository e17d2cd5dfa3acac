"""Backbones: counted parameters, any number of frames, stages that take inserted layers."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from devbench import BackboneSpec, ContractError
from devbench.registry import find, load_spec
from devbench_plugins.networks.bc_resnet import SubSpectralNorm
from devbench_plugins.networks.cp_resnet import CPResNet, receptive_field
from devbench_plugins.networks.spectrogram_transformer import sinusoids

NAMES = (
    "small-cnn",
    "resnet18",
    "resnet50",
    "cp-resnet",
    "bc-resnet",
    "mobilenet",
    "fcn4",
    "ast",
)


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


def cp_resnet_count(rho: int, width: int, n_classes: int) -> int:
    widths = [width] * 5 + [2 * width] * 4 + [4 * width] * 4  # the stem's, then the blocks'
    total = 25 * width + 2 * width + 4 * width * n_classes + 2 * n_classes
    for block, (n_in, n_out) in enumerate(pairwise(widths)):
        wide = (True, False) if block == 0 else (2 * block - 1 <= rho, 2 * block <= rho)
        first, second = (9 if is_wide else 1 for is_wide in wide)
        total += first * n_in * n_out + second * n_out * n_out + 4 * n_out
        total += n_in * n_out + 2 * n_out if n_in != n_out else 0
    return total


def ast_count(width: int, depth: int, n_classes: int) -> int:
    attention = 4 * (width * width + width)
    feed_forward = 8 * width * width + 5 * width
    block = attention + feed_forward + 4 * width
    return 257 * width + depth * block + 2 * width + (width + 1) * n_classes


def fcn4_count(n_classes: int) -> int:
    channels = [1, 32, 96, 192, 512]
    layers = sum(9 * a * b + 2 * b for a, b in pairwise(channels))
    return layers + 513 * n_classes


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # Published counts for 3 channels and 1,000 classes, less the classifier, less two of the
        # three input channels (2 * 64 * 7 * 7 = 6,272), plus a classifier of 20 classes.
        ("resnet50", 25_557_032 - 2_049_000 - 6_272 + 2049 * 20),
        ("resnet18", 11_689_512 - 513_000 - 6_272 + 513 * 20),
        ("small-cnn", small_cnn_count(32, 20)),
        ("cp-resnet", cp_resnet_count(7, 128, 20)),
        ("fcn4", fcn4_count(20)),
        ("ast", ast_count(192, 6, 20)),
        # torchvision's count for 3 channels and 1,000 classes, less as above
        ("mobilenet", 2_542_856 - 1025 * 980 - 2 * 16 * 9),
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


@pytest.mark.parametrize(("width", "published"), [(1.0, 9.2e3), (8.0, 321e3)])
def test_bc_resnet_is_as_small_as_published(width: float, published: float) -> None:
    model = spec_of("bc-resnet").build(n_classes=12, n_bins=40, width=width)
    assert count(model) == pytest.approx(published, rel=0.005)


def test_sub_bands_are_normalised_on_their_own() -> None:
    norm = SubSpectralNorm(2, 20)
    levels = torch.arange(5.0).repeat_interleave(4)[None, None, :, None] * 100
    out = norm(torch.randn(8, 2, 20, 10) + levels).detach()
    assert float(out.mean(dim=(0, 1, 3)).abs().max()) < 1.0  # no trace of 0, 100, 200, ...
    assert [SubSpectralNorm(1, n).n_bands for n in (40, 16, 6, 7)] == [5, 4, 3, 1]


def m5_count(n_classes: int) -> int:
    convolutions = [80 * 128, *(3 * a * b for a, b in pairwise((128, 128, 256, 512)))]
    return sum(convolutions) + 2 * (128 + 128 + 256 + 512) + 513 * n_classes


@pytest.mark.parametrize("n_samples", [300, 20_480, 22_051])
def test_m5_takes_any_number_of_samples(n_samples: int) -> None:
    spec = spec_of("m5")
    model = spec.build(n_classes=20, n_bins=1).eval()
    assert (spec.takes, count(model)) == ("waveform", m5_count(20))
    assert count(model) == pytest.approx(0.5e6, rel=0.15)  # as the paper counts, with 10 classes
    x = torch.randn(2, 1, 1, n_samples)
    with torch.no_grad():
        together, alone = model(x), torch.cat([model(clip[None]) for clip in x])
    assert together.shape == (2, 20)
    assert torch.allclose(together, alone, atol=1e-4)


@pytest.mark.parametrize("rho", [0, 1, 5])
def test_the_receptive_field_of_cp_resnet_is_chosen(rho: int) -> None:
    """Change one bin after the other and see whether the place in the middle notices."""
    model = CPResNet(2, rho=rho, width=2).eval()
    for parameter in model.parameters():
        parameter.data.abs_()  # nothing cancels out
    deep = nn.Sequential(model.stem, model.layer1, model.layer2, model.layer3)
    n_bins = 256
    x = torch.full((n_bins + 1, 1, n_bins, 16), 1.0)
    x[torch.arange(n_bins), 0, torch.arange(n_bins), 8] = 1e6  # the last clip stays as it is
    with torch.no_grad():
        out = deep(x)
    middle = out[:, :, out.shape[2] // 2].flatten(1)
    seen = torch.nonzero((middle[:-1] != middle[-1]).any(dim=1))[:, 0]
    assert int(seen.max() - seen.min()) + 1 == receptive_field(rho)


def test_receptive_fields_are_the_published_ones() -> None:
    assert [receptive_field(rho) for rho in range(8)] == [23, 31, 39, 55, 71, 87, 103, 135]


def test_the_transformer_knows_where_a_patch_is() -> None:
    model = spec_of("ast").build(n_classes=5, n_bins=80).eval()
    x = torch.zeros(2, 1, 80, 80)
    x[0, 0, :16, :16] = 1
    x[1, 0, 60:76, :16] = 1
    with torch.no_grad():
        assert not torch.allclose(model(x[:1]), model(x[1:]), atol=1e-4)
    codes = sinusoids(50, 96, torch.device("cpu"))
    apart = torch.cdist(codes, codes) + 10 * torch.eye(50)
    assert float(apart.min()) > 0.5


def test_blocks_of_the_transformer_start_differently() -> None:
    blocks = spec_of("ast").build(n_classes=5, n_bins=80).blocks.layers
    first, second = (block.linear1.weight for block in list(blocks)[:2])
    assert not torch.equal(first, second)


def test_a_width_that_heads_cannot_share_is_refused() -> None:
    with pytest.raises(ContractError, match="no multiple"):
        spec_of("ast").build(n_classes=5, n_bins=80, width=100)
