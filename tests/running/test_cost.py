"""Cost of a backbone: counted by torch, checked by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from devbench import FeatureSpec
from devbench.registry import find, load_spec
from devbench.running.cost import cost_of

FEATURES = FeatureSpec(sample_rate_hz=16_000, hop_samples=160, n_mels=40, fmax_hz=8000.0)
N_FRAMES = 1000  # 10 s


def test_a_convolution_and_a_linear_layer_are_counted_as_by_hand() -> None:
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(8, 5),
    )  # fmt: skip
    cost = cost_of(model, n_classes=5, features=FEATURES)
    assert cost["n_parameters"] == 9 * 8 + 8 + 16 + 45
    assert cost["macs_per_s"] == round((9 * 8 * 40 * N_FRAMES + 40) / 10)


def test_attention_is_counted() -> None:
    """Every token of a layer: four square matrices, two of the feed-forward, twice the tokens."""
    width, n_tokens = 32, 40
    layer = nn.TransformerEncoderLayer(width, 2, 64, batch_first=True)

    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            out: torch.Tensor = self.layer(x[:, 0, :, :width])
            return out

    cost = cost_of(Tokens(), n_classes=1, features=FEATURES)
    by_hand = n_tokens * (4 * width**2 + 2 * width * 64 + 2 * n_tokens * width)
    assert cost["macs_per_s"] == pytest.approx(by_hand / 10, abs=1)
    assert torch.backends.mha.get_fastpath_enabled()  # as it was


def test_small_cnn_is_counted_as_by_hand() -> None:
    model = load_spec(find("backbone", "small-cnn")).build(n_classes=20, n_bins=80)
    cost = cost_of(model, n_classes=20, features=FeatureSpec())
    n_frames = round(10 * 22_050 / 256)
    bins, frames, by_hand = 80, n_frames, 256 * 20
    for n_in, n_out in ((1, 32), (32, 64), (64, 128), (128, 256)):
        by_hand += 9 * n_in * n_out * bins * frames
        bins, frames = bins // 2, frames // 2
    assert cost["macs_per_s"] == pytest.approx(by_hand / 10, rel=0.01)
