"""Relevance: what is conserved, what is 0, where it must lie, and which layers have no rule."""

from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
from torch import nn

from devbench.explaining.bands import mel_groups
from devbench.explaining.gradients import gradient_times_input, over_bins, over_spectrum
from devbench.explaining.propagation import Propagation, Uncovered

RATE_HZ = 8000


class Residual(nn.Module):
    """A stem, a layer, one residual block written with plain calls, a mean, a linear classifier."""

    def __init__(self, *, bias: bool, kernel: tuple[int, int] = (3, 3)) -> None:
        super().__init__()
        edge = (kernel[0] // 2, kernel[1] // 2)
        self.stem = nn.Sequential(
            OrderedDict(
                conv=nn.Conv2d(1, 4, kernel, padding=edge, bias=bias),
                pool=nn.MaxPool2d((1, 2), ceil_mode=True),
                relu=nn.ReLU(inplace=True),
            )
        )
        self.middle = nn.Sequential(nn.Conv2d(4, 4, kernel, padding=edge, bias=bias), nn.ReLU())
        self.inner = nn.Conv2d(4, 4, kernel, padding=edge, bias=bias)
        self.norm = nn.BatchNorm2d(4) if bias else nn.Identity()
        self.classifier = nn.Linear(4, 3, bias=bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.middle(self.stem(x))
        x = torch.relu(self.norm(self.inner(x)) + x)
        return self.classifier(x.mean(dim=(2, 3)))


def network(*, bias: bool) -> nn.Module:
    torch.manual_seed(0)
    made = Residual(bias=bias).eval()
    if bias:
        assert isinstance(made.norm, nn.BatchNorm2d)
        nn.init.uniform_(made.norm.running_var, 0.5, 2)
        nn.init.uniform_(made.norm.running_mean, -0.5, 0.5)
    return made


def clips(n_bins: int = 8) -> torch.Tensor:
    return torch.randn(5, 1, n_bins, 10, generator=torch.Generator().manual_seed(1))


CHOSEN = torch.tensor([0, 1, 2, 0, 1])


def logits_of(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return model(x).detach().gather(1, CHOSEN[:, None])[:, 0]


def test_without_biases_propagated_relevance_sums_to_the_logit() -> None:
    """Both rules hand on all that they get; only epsilon (1e-9) and float32 outputs are lost."""
    model, x = network(bias=False), clips()
    propagation = Propagation(model)
    assert propagation._gamma  # or the gamma rule would not be tested
    total = propagation(x, CHOSEN).sum(dim=(1, 2, 3))
    assert torch.allclose(total, logits_of(model, x), rtol=1e-3, atol=1e-5)


def test_biases_take_their_part() -> None:
    model, x = network(bias=True), clips()
    total = Propagation(model)(x, CHOSEN).sum(dim=(1, 2, 3))
    assert (total - logits_of(model, x)).abs().max() > 0.01


@pytest.mark.parametrize("bias", [False, True])
def test_the_epsilon_rule_alone_is_gradient_times_input(bias: bool) -> None:
    """Ancona et al., ICLR 2018 (arXiv 1711.06104), proposition 1, for rectifiers."""
    model, x = network(bias=bias), clips()
    propagation = Propagation(model)
    propagation._gamma = set()
    expected = gradient_times_input(model, x, CHOSEN)
    # epsilon moves quotients of activations near 0
    assert torch.allclose(propagation(x, CHOSEN), expected, atol=1e-4 * float(expected.abs().max()))


@pytest.mark.parametrize("bias", [False, True])
def test_nothing_in_nothing_out(bias: bool) -> None:
    model, x = network(bias=bias), torch.zeros(5, 1, 8, 10)
    assert not Propagation(model)(x, CHOSEN).any()
    assert not gradient_times_input(model, x, CHOSEN).any()


def test_the_network_and_the_input_stay_as_they_were() -> None:
    model, x = network(bias=True), clips()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    kept = x.clone()
    propagation = Propagation(model)
    first, second = propagation(x, CHOSEN), propagation(x, CHOSEN)
    assert torch.equal(first, second)
    assert torch.equal(x, kept)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("alone", [True, False])
def test_a_clip_is_explained_alone_as_in_company(alone: bool) -> None:
    model, x = network(bias=True), clips()
    measure = Propagation(model) if alone else lambda a, b: gradient_times_input(model, a, b)
    together = measure(x, CHOSEN)
    assert torch.allclose(measure(x[2:3], CHOSEN[2:3]), together[2:3], atol=1e-6)


@pytest.mark.parametrize(
    ("layer", "words"),
    [(nn.SiLU(), "SiLU"), (nn.LayerNorm(10), "LayerNorm"), (nn.Hardswish(), "Hardswish")],
)
def test_a_layer_without_a_rule_is_named(layer: nn.Module, words: str) -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), layer, nn.Flatten(), nn.Linear(320, 3))
    with pytest.raises(Uncovered, match=words):
        Propagation(model)


def test_a_call_without_a_rule_is_named() -> None:
    class Gated(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (x * torch.sigmoid(x)).mean(dim=(2, 3))

    with pytest.raises(Uncovered, match=r"sigmoid|mul"):
        Propagation(Gated())


class Shared(nn.Module):
    """One convolution, used twice, with a norm of its own behind each use."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1, bias=False)
        self.one, self.two = nn.BatchNorm2d(4), nn.BatchNorm2d(4)
        self.classifier = nn.Linear(4, 3, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        both = torch.relu(self.one(self.conv(x))) + torch.relu(self.two(self.conv(x)))
        logits: torch.Tensor = self.classifier(both.mean(dim=(2, 3)))
        return logits


def test_a_layer_that_is_used_twice_has_the_norm_of_each_use() -> None:
    torch.manual_seed(0)
    model, x = Shared().eval(), clips()
    nn.init.constant_(model.one.running_var, 0.25)
    nn.init.constant_(model.two.running_var, 4.0)
    relevance = Propagation(model)(x, CHOSEN)
    assert torch.allclose(relevance.flatten(1).sum(1), logits_of(model, x), rtol=1e-3, atol=1e-5)


def test_a_network_that_answers_otherwise_once_rewritten_is_not_explained() -> None:
    model, x = network(bias=True), clips()
    measure = Propagation(model)
    with torch.no_grad():
        model.classifier.bias += 1.0  # type: ignore[union-attr]  # what was rewritten keeps its own
    with pytest.raises(Uncovered, match="other logits"):
        measure(x, CHOSEN)


def test_a_linear_models_relevance_is_its_logit_band_by_band() -> None:
    weight = torch.randn(1, 1, 8, 10, generator=torch.Generator().manual_seed(2))
    model = nn.Sequential(nn.Flatten(), nn.Linear(80, 3, bias=False)).eval()
    with torch.no_grad():
        model[1].weight.copy_(weight.flatten().expand(3, 80))
    x, group = clips(), torch.tensor([0, 0, 1, 1, 1, 2, 2, 2])
    parts = over_bins(gradient_times_input(model, x, CHOSEN), group, 3, 4)
    by_hand = (x * weight)[:, 0]
    assert torch.allclose(
        parts.sum(dim=2)[:, 1], by_hand[:, 2:5].sum(dim=(1, 2)).double(), atol=1e-5
    )
    assert torch.allclose(parts.sum(dim=(1, 2)), logits_of(model, x).double(), atol=1e-5)


@pytest.mark.parametrize("n_samples", [1000, 1001, 1024])
def test_the_spectrum_keeps_the_sum_over_samples(n_samples: int) -> None:
    rng = torch.Generator().manual_seed(3)
    x, relevance = (torch.randn(4, n_samples, generator=rng) for _ in range(2))
    parts = over_spectrum(x, relevance, mel_groups(6, 4000), rate_hz=RATE_HZ, n_parts=3)
    assert parts.shape == (4, 6, 3)
    assert torch.allclose(parts.sum(dim=(1, 2)), relevance.double().sum(dim=1), atol=1e-9)


def test_what_listens_to_one_tone_finds_it_in_its_band() -> None:
    time_s = torch.arange(RATE_HZ) / RATE_HZ
    bands = mel_groups(5, 4000)
    tones = [
        (low + high) / 2 for low, high in zip(bands.edges_hz[:-1], bands.edges_hz[1:], strict=True)
    ]
    x = sum(torch.sin(2 * torch.pi * hz * time_s) for hz in tones)[None]
    worth = torch.sin(2 * torch.pi * tones[3] * time_s)
    parts = over_spectrum(x, x * worth, bands, rate_hz=RATE_HZ, n_parts=2).sum(dim=2)[0]
    assert parts[3] == pytest.approx(float(parts.sum()), rel=1e-3)  # leakage of the halves
