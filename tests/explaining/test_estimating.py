"""The bound is 0 where nothing can be told, H(y) where all can, and near the truth in between."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from devbench.errors import DataError
from devbench.explaining.documents import Protocol
from devbench.explaining.estimating import MIN_GROUPS, entropy_nats, estimate, split

QUICK = Protocol(max_epochs=30, patience=4)
N_EVENTS, N_DEVICES = 60, 5
LABELS = torch.arange(N_DEVICES).repeat(N_EVENTS)
GROUPS = torch.arange(N_EVENTS).repeat_interleave(N_DEVICES)


def draws(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_shuffled_labels_tell_nothing() -> None:
    one_hot = torch.nn.functional.one_hot(LABELS, N_DEVICES).float()
    shuffled = LABELS[torch.randperm(len(LABELS), generator=torch.Generator().manual_seed(3))]
    found = estimate(one_hot + draws(len(LABELS), 5), shuffled, GROUPS, QUICK)
    n_measured = 3 * len(LABELS) // 4  # three seeds, a quarter each
    error = math.sqrt(0.2 * 0.8 / n_measured)
    assert found.nats < 0.02
    assert abs(found.accuracy - 1 / N_DEVICES) < 4 * error


def test_a_one_hot_label_tells_its_entropy() -> None:
    one_hot = torch.nn.functional.one_hot(LABELS, N_DEVICES)
    found = estimate(one_hot, LABELS, GROUPS, Protocol(seeds=[0, 1]))
    assert math.log(N_DEVICES) - 0.02 < found.nats <= math.log(N_DEVICES) + 1e-9
    assert found.accuracy == 1.0


def test_known_information_of_two_gaussians_is_recovered() -> None:
    """Two normal distributions at -1.5 and 1.5; the truth by integration, from 4,000 samples."""
    far, n = 1.5, 4000
    z = np.linspace(-12, 12, 20_001)
    density = np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    lost = np.sum(density * np.log1p(np.exp(-2 * far * (far + z)))) * (z[1] - z[0])
    truth = math.log(2) - float(lost)
    best = 0.5 * (1 + math.erf(far / math.sqrt(2)))
    labels = torch.arange(n) % 2
    found = estimate(
        draws(n, 1) + far * (2 * labels[:, None] - 1), labels, torch.arange(n) // 2, QUICK
    )
    assert abs(found.nats / truth - 1) < 0.05
    assert abs(found.accuracy - best) < 0.02  # three standard errors of 1,000 samples, three seeds


def test_no_group_is_in_two_parts_and_layers_share_them() -> None:
    parts = split(GROUPS, QUICK, 0)
    sets = [set(GROUPS[part].tolist()) for part in (parts.train, parts.stop, parts.measured)]
    assert [len(found) for found in sets] == [30, 15, 15]
    assert len(set.union(*sets)) == N_EVENTS
    assert torch.equal(parts.train, split(GROUPS, QUICK, 0).train)
    assert not torch.equal(parts.train, split(GROUPS, QUICK, 1).train)


def test_content_that_is_shared_by_events_does_not_leak() -> None:
    """A number per event tells an event that was seen; of the device it says nothing."""
    event = draws(N_EVENTS, 8)[GROUPS]
    assert estimate(event, LABELS, GROUPS, QUICK).nats < 1e-3


def test_scale_and_offset_of_a_statistic_change_nothing() -> None:
    features = draws(len(LABELS), 6) + LABELS[:, None]
    once = estimate(features, LABELS, GROUPS, QUICK)
    moved = estimate(16 * features + 32, LABELS, GROUPS, QUICK)
    assert moved.nats == pytest.approx(once.nats, abs=0.02)  # float32, then a few hundred steps
    assert once.nats > 0.3


def test_float_noise_on_a_constant_is_no_information() -> None:
    behind_a_norm = 1 + 1e-6 * LABELS[:, None].float()
    assert estimate(behind_a_norm, LABELS, GROUPS, QUICK).nats < 1e-6  # of float32


def test_the_same_twice_and_nothing_global_is_touched() -> None:
    features = draws(len(LABELS), 6) + LABELS[:, None]
    before = torch.get_rng_state()
    found = [estimate(features, LABELS, GROUPS, QUICK) for _ in range(2)]
    assert found[0] == found[1]
    assert torch.equal(before, torch.get_rng_state())


def test_too_few_events_are_refused() -> None:
    with pytest.raises(DataError, match=f"fewer than the {MIN_GROUPS}"):
        split(torch.arange(MIN_GROUPS - 1), QUICK, 0)


def test_entropy() -> None:
    assert entropy_nats(torch.tensor([0, 1, 2, 3])) == pytest.approx(math.log(4))
    assert entropy_nats(torch.tensor([1, 1])) == 0
    assert entropy_nats(torch.tensor([0, 0, 0, 1])) == pytest.approx(0.5623, abs=1e-4)
