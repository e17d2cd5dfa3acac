"""Statistics along one axis keep that axis apart and forget the order along the others."""

from __future__ import annotations

import torch

from devbench.explaining.statistics import MAX_PLACES, dimension_statistics, tokens_as_places


def test_a_small_number_by_hand() -> None:
    x = torch.tensor([[[[0.0, 2.0], [4.0, 6.0]], [[1.0, 1.0], [1.0, 1.0]]]])  # [1, 2, 2, 2]
    found = dimension_statistics(x)
    assert torch.allclose(found["channel"], torch.tensor([[3.0, 1.0, 5**0.5, 0.0]]))
    assert torch.allclose(found["frequency"][:, :2], torch.tensor([[1.0, 3.0]]))
    assert torch.allclose(found["time"][:, :2], torch.tensor([[1.5, 2.5]]))


def test_an_order_along_the_other_axes_is_forgotten() -> None:
    x = torch.randn(3, 4, 5, 6, generator=torch.Generator().manual_seed(0))
    found, turned = dimension_statistics(x), dimension_statistics(x.flip(2, 3))
    assert torch.allclose(found["channel"], turned["channel"], atol=1e-6)
    assert not torch.allclose(found["frequency"], turned["frequency"])
    assert {kind: values.shape[1] for kind, values in found.items()} == {
        "channel": 8, "frequency": 10, "time": 12,
    }  # fmt: skip


def test_an_axis_of_one_place_is_left_out_and_a_long_one_is_cut() -> None:
    samples = torch.randn(2, 1, 1, 3 * MAX_PLACES, generator=torch.Generator().manual_seed(0))
    found = dimension_statistics(samples)
    assert set(found) == {"channel", "time"}
    assert found["time"].shape == (2, 2 * MAX_PLACES)
    assert torch.allclose(found["time"][:, 0], samples[:, 0, 0, :3].mean(dim=1))
    assert torch.allclose(
        found["time"][:, MAX_PLACES], samples[:, 0, 0, :3].std(dim=1, correction=0)
    )


def test_tokens_keep_their_channels() -> None:
    tokens = torch.randn(2, 7, 3, generator=torch.Generator().manual_seed(0))
    found = dimension_statistics(tokens_as_places(tokens))
    assert torch.allclose(found["channel"][:, :3], tokens.mean(dim=1), atol=1e-6)
