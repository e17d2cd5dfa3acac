"""Front ends under check: each is tried in the mode in which a run computes clips with it."""

from __future__ import annotations

import torch
from torch import nn

from devbench import FeatureSpec, FrontendSpec
from devbench.contract.scales import Scale
from devbench.plugin_kit.frontend_rules import look
from helpers.probed import states_of


class Learned(nn.Module):
    """A strided convolution and batch normalisation: each clip has its own answer in eval mode."""

    def __init__(self, features: FeatureSpec) -> None:
        super().__init__()
        hop = features.hop_samples
        self.taps = nn.Conv1d(1, 6, 2 * hop, stride=hop, padding=hop)
        self.norm = nn.BatchNorm1d(6)
        self.register_buffer("bin_hz", torch.arange(6.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.taps(x[:, None]))[:, None]


class Neighbourly(Learned):
    """Takes statistics over the batch in eval mode too."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x / x.std().clamp_min(1e-3))


def broken_by(build: type[nn.Module], scale: Scale) -> set[str]:
    states = states_of("frontend", look, spec=FrontendSpec(name="tried", build=build, scale=scale))
    assert "R28" in states
    return {rule for rule, state in states.items() if state != "passed"}


def test_what_is_learned_is_tried_in_eval_mode() -> None:
    assert broken_by(Learned, "learned") == set()


def test_what_is_computed_once_is_tried_as_it_is_built() -> None:
    assert "R28" in broken_by(Learned, "cepstral")


def test_a_learned_one_that_feels_its_neighbours_is_found() -> None:
    assert broken_by(Neighbourly, "learned") == {"R28"}
