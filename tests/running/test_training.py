"""The parts of training that a formula fixes: learning rates, stages, averaged windows."""

from __future__ import annotations

import math

import pytest
import torch

from devbench.benchmark.model import Budget
from devbench.contract.method import Method
from devbench.errors import ContractError
from devbench.running.classifier import build_classifier, clip_logits
from devbench.running.clips import StagedClips
from devbench.running.training import learning_rate
from helpers.model_jobs import model_job


def budget(**more: object) -> Budget:
    facts = {"backbone": "small-cnn", "epochs": 10, "batch": 4, "learning_rate": 0.1}
    return Budget.model_validate({**facts, **more})


def test_cosine_rises_in_the_warm_up_and_falls_to_zero() -> None:
    rates = [learning_rate(budget(warmup_epochs=2), step, 5) for step in range(50)]
    assert rates[:10] == sorted(rates[:10])
    assert rates[9] == pytest.approx(0.1)
    assert rates[9:] == sorted(rates[9:], reverse=True)
    assert rates[30] == pytest.approx(0.05)
    assert 0 < rates[-1] < 0.001


def test_the_papers_schedule_divides_by_ten() -> None:
    papers = budget(schedule="step", step_epochs=25, epochs=200)
    for epoch in (0, 24, 25, 99, 100):
        found = learning_rate(papers, epoch * 7 + 6, 7)
        assert math.isclose(found, 0.1 * 0.1 ** (epoch // 25), rel_tol=1e-9)


class Scaled(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 2


def test_layers_stand_behind_their_stages() -> None:
    seen: dict[str, tuple[int, int, int]] = {}

    class Layered(Method):
        def layers(self, stages):
            seen.update(stages)
            return dict.fromkeys(stages, Scaled())

    model = build_classifier(model_job(), Layered())
    assert list(seen) == ["block1", "block2", "block3", "block4"]
    assert seen["block1"] == (4, 40, 40)
    assert sum(isinstance(module, Scaled) for module in model.modules()) == 1  # one, four times
    assert any(name.endswith("block1.1") for name, _ in model.named_modules(remove_duplicate=False))


def test_a_layer_behind_no_stage_is_refused() -> None:
    class Lost(Method):
        def layers(self, stages):
            return {"attic": Scaled()}

    with pytest.raises(ContractError, match="attic"):
        build_classifier(model_job(), Lost())


def test_first_weights_depend_on_the_seed_alone() -> None:
    torch.manual_seed(1)
    one = build_classifier(model_job(), Method()).state_dict()
    torch.manual_seed(2)
    two = build_classifier(model_job(), Method()).state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_logits_of_a_clip_are_the_mean_over_its_windows() -> None:
    class Level(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.mean(dim=(1, 2, 3))[:, None].expand(-1, 2)

    lengths = torch.tensor([160, 80, 240])
    index = torch.stack([torch.cumsum(lengths, 0) - lengths, lengths], dim=1)
    data = torch.randn(480, 6)
    clips = StagedClips(data, index, crop=80, bin_hz=torch.ones(6))
    found = clip_logits(Level(), clips, 80)
    for row, (start, length) in enumerate(index.tolist()):
        assert float(found[row, 0]) == pytest.approx(
            float(data[start : start + length].mean()), abs=1e-6
        )


def test_a_layer_that_takes_stored_tensors_as_they_are_stays_with_the_model() -> None:
    """Weights are read onto the CPU; band-align's statistics would stay there."""
    bands = torch.arange(80.0), torch.ones(80)
    stored = build_classifier(model_job(), Carrying(bands)).state_dict()
    model = build_classifier(model_job(), Carrying((torch.zeros(1), torch.ones(1)))).to("meta")
    model.load_state_dict(stored)
    assert {tensor.device.type for tensor in model.state_dict().values()} == {"meta"}
    here = build_classifier(model_job(), Carrying((torch.zeros(1), torch.ones(1))))
    here.load_state_dict(stored)
    assert all(torch.equal(stored[name], found) for name, found in here.state_dict().items())


class Carrying(Method):
    """Puts what band-align does behind the first stage."""

    def __init__(self, bands: tuple[torch.Tensor, torch.Tensor]) -> None:
        self.bands = bands

    def layers(self, stages):
        from devbench_plugins.networks.band_alignment import SourceBands

        return {next(iter(stages)): SourceBands(*self.bands)}
