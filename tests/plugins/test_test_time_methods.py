"""Adaptation to a device's test clips: what is measured, what learns and what stays."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from devbench import ContractError, Method, MethodSpec
from devbench.registry import find, load_spec
from devbench_plugins.networks.band_alignment import SourceBands
from devbench_plugins.networks.batch_norms import batch_norms
from devbench_plugins.networks.small_cnn import SmallCNN
from devbench_plugins.spectra import band_mean_and_sd
from helpers.views import DEVICES, N_CLASSES, fitted, generator_of, unlabelled_view

SHIFTED = DEVICES[2]


def method_of(name: str, **options: object) -> Method:
    spec = load_spec(find("method", name))
    assert isinstance(spec, MethodSpec)
    method = fitted(spec, **options)
    assert isinstance(method, Method)
    return method


def network() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(SmallCNN(N_CLASSES, width=4)).eval()


def adapted(name: str, model: nn.Module, **options: object) -> nn.Module:
    method = method_of(name, **options)
    return method.adapt(copy.deepcopy(model), unlabelled_view(SHIFTED), generator_of(1))


def logits(model: nn.Module) -> torch.Tensor:
    with torch.no_grad():
        return torch.cat([model(batch.clips) for batch in unlabelled_view(SHIFTED)])


def test_batch_norms_see_standard_inputs_after_adaptation() -> None:
    model = adapted("bn-adapt", network())
    norm = batch_norms(model)[0]
    seen = []
    handle = norm.register_forward_hook(lambda module, inputs, output: seen.append(output))
    logits(model)
    handle.remove()
    for batch in seen:  # clips of two lengths: two batches, whose mean is used
        assert batch.mean(dim=(0, 2, 3)).abs().max() < 0.3
    together = torch.stack([batch.mean(dim=(0, 2, 3)) for batch in seen]).mean(0)
    assert float(together.abs().max()) < 1e-3


def test_keeping_all_of_the_source_is_no_adaptation() -> None:
    model = network()
    assert torch.allclose(logits(adapted("bn-adapt", model, source_share=1.0)), logits(model))
    half = batch_norms(adapted("bn-adapt", model, source_share=0.5))[0].running_mean
    ends = [
        batch_norms(adapted("bn-adapt", model, source_share=share))[0].running_mean
        for share in (0.0, 1.0)
    ]
    assert torch.allclose(half, (ends[0] + ends[1]) / 2, atol=1e-5)  # type: ignore[arg-type, operator]


def test_tent_without_steps_is_bn_adaptation() -> None:
    model = network()
    assert torch.equal(
        logits(adapted("tent", model, n_epochs=0)), logits(adapted("bn-adapt", model))
    )


def test_tent_moves_scale_and_shift_alone_towards_surer_answers() -> None:
    model = network()
    before, after = adapted("bn-adapt", model), adapted("tent", model, n_epochs=30, batch_clips=8)
    changed = {
        name
        for (name, old), new in zip(before.named_parameters(), after.parameters(), strict=True)
        if not torch.equal(old, new)
    }
    norms = {
        f"{name}.{part}"
        for name, module in model.named_modules()
        if isinstance(module, nn.BatchNorm2d)
        for part in ("weight", "bias")
    }
    assert changed == norms

    def entropy(of: nn.Module) -> float:
        shares = logits(of).softmax(1)
        return float(-(shares * shares.log()).sum(1).mean())

    assert entropy(after) < entropy(before) - 0.01


def test_adaptation_is_repeatable() -> None:
    for name in ("bn-adapt", "tent", "band-align"):
        model = network()
        if name == "band-align":
            model = with_carrier(method_of(name), model)
        assert torch.equal(logits(adapted(name, model)), logits(adapted(name, model))), name


def with_carrier(method: Method, model: nn.Module) -> nn.Module:
    (layer,) = method.layers({"0.block1": (4, 20, 20)}).values()
    return nn.Sequential(model, layer)


def test_alignment_gives_bands_the_mean_and_deviation_of_training() -> None:
    method = method_of("band-align")
    model = with_carrier(method, nn.Identity())
    aligned = method.adapt(model, unlabelled_view(SHIFTED), generator_of(1))
    view = unlabelled_view(SHIFTED)
    mean = torch.stack([aligned(b.clips).mean(dim=(0, 1, 3)) for b in view]).mean(0)
    carrier = next(m for m in aligned.modules() if isinstance(m, SourceBands))
    assert torch.allclose(mean, carrier.mean_db, atol=1e-2)
    own_mean, _ = band_mean_and_sd(view)
    assert float((own_mean.float() - carrier.mean_db).abs().max()) > 5  # there was something to do


def test_the_carrier_takes_any_number_of_bands_with_the_weights() -> None:
    method = method_of("band-align")
    trained = with_carrier(method, nn.Identity())
    blank = with_carrier(load_spec(find("method", "band-align")).build(), nn.Identity())
    blank.load_state_dict(trained.state_dict())
    carrier = next(m for m in blank.modules() if isinstance(m, SourceBands))
    assert torch.equal(carrier.sd_db, method.bands[1])  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["bn-adapt", "tent"])
def test_a_backbone_without_batch_norm_is_refused(name: str) -> None:
    with pytest.raises(ContractError, match="no batch normalisation"):
        adapted(name, nn.Sequential(nn.Flatten(), nn.Linear(4, 2)))


def test_a_backbone_without_stages_is_refused() -> None:
    with pytest.raises(ContractError, match="no stage"):
        method_of("band-align").layers({})
