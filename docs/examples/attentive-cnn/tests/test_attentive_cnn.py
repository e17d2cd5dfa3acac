"""The rules of the contract, and what this network promises beyond them."""

from __future__ import annotations

import torch
from attentive_cnn.network import AttentionOverTime

from devbench.testing import contract_tests

test_contract = contract_tests("attentive-cnn", kind="backbone")


def test_weights_over_frames_are_a_mean() -> None:
    pool = AttentionOverTime(6, 2)
    constant = torch.randn(3, 6, 1).expand(3, 6, 15)
    with torch.no_grad():
        means = pool(constant)  # whatever the weights are, the mean of equal frames is that frame
    assert torch.allclose(means, constant[..., 0].repeat(1, 2), atol=1e-6)


def test_a_loud_frame_is_not_drowned_by_silence() -> None:
    pool = AttentionOverTime(1, 1)
    with torch.no_grad():
        pool.scores.weight.fill_(5.0)
        short, long = (torch.zeros(1, 1, n) for n in (10, 200))
        short[..., 3] = long[..., 3] = 2.0
        assert torch.allclose(pool(short), pool(long), atol=0.05)
