"""Masked pretraining: what is hidden, what is learned, and that no label and no target is seen."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from devbench import Artifact, ContractError
from devbench.errors import PluginError
from devbench.running.identity import identity_of, information
from devbench.running.jobs import Wish
from devbench.running.pipeline import run
from devbench_plugins.networks.spectrogram_transformer import PATCH, SpectrogramTransformer
from devbench_plugins.pretraining import masked
from devbench_plugins.pretraining.backbone import build
from devbench_plugins.pretraining.masked import Training, patches_of, rate, standardised
from devbench_plugins.pretraining.masked import build as learn
from devbench_plugins.pretraining.masking import chosen, random_masks
from devbench_plugins.pretraining.recipes import MaskedRecipe, Objective, masked_recipe
from helpers.runs import World
from helpers.views import MemoryWorkshop, generator_of

pytestmark = pytest.mark.usefixtures("module_without_workers")

SMALL = {"width": 32, "depth": 1, "n_heads": 2, "predictor_depth": 1, "batch": 4}


def config(objective: Objective, **changes: object) -> dict[str, object]:
    recipe = masked_recipe(objective, "quick", "quick", width=32, depth=1, n_heads=2)
    return {**recipe.config(), **SMALL, "epochs": 1, **changes}


def workshop(**changes: object) -> MemoryWorkshop:
    return MemoryWorkshop(devices=("phone",), crop_frames=40, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(("n_patches", "masked"), [(2, 0.8), (40, 0.8), (40, 0.999), (7, 0.0)])
def test_every_patch_is_either_seen_or_hidden(n_patches: int, masked: float) -> None:
    seen, hidden = random_masks(5, n_patches, masked, torch.zeros(1), generator_of(1))
    both = torch.cat([seen, hidden], dim=1).sort(dim=1).values
    assert torch.equal(both, torch.arange(n_patches).expand(5, -1))
    assert min(seen.shape[1], hidden.shape[1]) >= 1
    if n_patches == 40 and masked == 0.8:
        assert hidden.shape[1] == 32
        assert len({tuple(row) for row in hidden.tolist()}) == 5, "masks differ by clip"


def test_the_encoder_sees_nothing_of_hidden_patches() -> None:
    torch.manual_seed(0)
    network = SpectrogramTransformer(3, width=32, depth=2, n_heads=2, dropout=0.0, step=PATCH)
    x = torch.randn(2, 1, 32, 48)
    seen, hidden = random_masks(2, 6, 0.5, x, generator_of(2))
    changed = x.clone()
    for clip in range(2):
        for number in hidden[clip].tolist():
            row, column = PATCH * (number // 3), PATCH * (number % 3)
            changed[clip, :, row : row + PATCH, column : column + PATCH] = 99.0
    before, after = (network.encoded(z, lambda t: chosen(t, seen)) for z in (x, changed))
    assert torch.equal(before, after)
    assert not torch.equal(network.encoded(x), network.encoded(changed))


def test_patches_are_in_the_order_of_the_encoder() -> None:
    assert masked.PATCH == PATCH
    x = torch.zeros(1, 1, 32, 48)
    x[..., 16:, 32:] = 5.0  # the last of 2 x 3
    assert patches_of(x)[0].mean(dim=1).tolist() == [0, 0, 0, 0, 0, 5]
    network = SpectrogramTransformer(3, width=32, depth=1, n_heads=2, dropout=0.0, step=PATCH)
    moved = (network.tokens(x) - network.tokens(torch.zeros_like(x)))[0].abs().sum(dim=1) > 0
    assert moved.tolist() == [False] * 5 + [True]


def test_targets_are_standardised_in_each_patch() -> None:
    values = standardised(torch.randn(2, 3, 256) * 7 - 40)
    assert values.mean(dim=2).abs().max() < 1e-5
    assert (values.var(dim=2, unbiased=False) - 1).abs().max() < 1e-4


def test_the_learning_rate_rises_and_falls() -> None:
    rates = [rate(step, 100) for step in range(1, 101)]
    assert max(rates) == rates[9] == 1
    assert rates[:10] == sorted(rates[:10]) and rates[9:] == sorted(rates[9:], reverse=True)
    assert rates[-1] < 1e-3


@pytest.mark.parametrize("objective", ["mae", "jepa"])
def test_learning_lowers_the_loss_and_ends_in_the_backbone(objective: Objective) -> None:
    shop = workshop()
    artifact = learn(shop, config(objective, epochs=20, learning_rate=3e-3))
    losses = [losses[objective] for _, _, losses in shop.reports]
    assert losses[-1] < losses[0]
    network = build(3, 40, width=32, depth=1, n_heads=2)
    missing = network.load_state_dict(dict(artifact.tensors), strict=False)
    assert missing.missing_keys == ["classifier.weight", "classifier.bias"]
    assert not missing.unexpected_keys


def test_the_slow_copy_follows_the_encoder_and_is_not_trained() -> None:
    training = Training(workshop(), MaskedRecipe.of(config("jepa", momentum=0.5)))
    teacher = next(training.modules["teacher"].parameters()).clone()
    training.step(1)
    moved = next(training.modules["teacher"].parameters())
    encoder = next(training.encoder.parameters())
    assert not torch.equal(moved, teacher)
    assert (moved - teacher).norm() < (encoder - teacher).norm()
    assert not moved.requires_grad


@pytest.mark.parametrize("objective", ["mae", "jepa"])
def test_an_interrupted_pretraining_ends_equal(
    objective: Objective, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(masked, "CHECKPOINT_STEPS", 2)
    whole = learn(workshop(), config(objective, epochs=3))
    broken = workshop()
    original = broken.checkpoint

    def fail_after_one(*args: object) -> None:
        original(*args)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    broken.checkpoint = fail_after_one  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        learn(broken, config(objective, epochs=3))
    broken.checkpoint = original  # type: ignore[method-assign]
    resumed: Artifact = learn(broken, config(objective, epochs=3))
    for name, tensor in whole.tensors.items():
        assert torch.equal(resumed.tensors[name], tensor), name


def test_spectrograms_without_two_patches_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masked, "PATCH", 32)  # crops have 40 bins and 20 frames
    with pytest.raises(ContractError, match="no two patches"):
        Training(workshop(), MaskedRecipe.of(config("mae"))).step(1)


@pytest.fixture(scope="module")
def world(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("pretraining")
    return World.make(folder, tiny_data, n_mels="32", crop_frames="24")


def test_a_run_starts_from_what_the_source_taught_and_records_it(world: World) -> None:
    settings = tuple(f"backbone.{k}={v}" for k, v in (("width", 32), ("depth", 1), ("n_heads", 2)))
    planned = world.plan("baseline", backbone="ast-mae", settings=settings)
    assert planned.plan.method.track == "blind"
    record = run(planned, world.store, talk=world.heard).record
    (use,) = record.models[0].artifacts
    assert use.name == "ast-mae"
    assert any(str(report["name"]) == "ast-mae" for report in world.heard.artifacts)
    again = world.plan("baseline", backbone="ast-mae", settings=settings, seed=1)
    heard = len(world.heard.artifacts)
    other = run(again, world.store, talk=world.heard).record
    assert other.models[0].artifacts[0].sha256 == use.sha256, "seeds share it"
    assert len(world.heard.artifacts) == heard, "and it is learned once"


def test_a_backbone_learns_from_the_source_alone_and_only_if_it_declares_that(world: World) -> None:
    settings = tuple(f"backbone.{k}={v}" for k, v in (("width", 32), ("depth", 1), ("n_heads", 2)))
    planned = world.plan("ideal", backbone="ast-jepa", settings=settings)
    found = information(planned, "backbone")
    assert set(found.convert) == {planned.plan.source} and not found.responses
    wish = Wish(
        asker="backbone", name="ast-jepa", config={}, build="m:f", file="", code_sha256="",
        devices=planned.plan.targets[:1], seed=0,
    )  # fmt: skip
    with pytest.raises(ContractError, match="is asked for with"):
        identity_of(found, wish)
    with pytest.raises(PluginError, match="declares none"):
        information(world.plan("baseline"), "backbone")
