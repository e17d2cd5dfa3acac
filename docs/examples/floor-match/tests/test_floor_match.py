"""The rules of the contract, and what this method promises beyond them."""

from __future__ import annotations

import torch
from floor_match import FloorMatch

from devbench import Batch
from devbench.testing import contract_tests

test_contract = contract_tests("floor-match", kind="method")


def batch_of(level_db: float) -> Batch:
    """Return four clips of one level with 8 bins and 20 frames."""
    return Batch(
        target=torch.eye(4),
        bin_hz=torch.linspace(100, 8000, 8),
        spectrogram_db=torch.full((4, 1, 8, 20), level_db),
    )


def augmented(method: FloorMatch, batch: Batch) -> torch.Tensor:
    """Return the clips of the augmented batch."""
    return method.augment(batch, torch.Generator().manual_seed(1)).spectrogram_db


def test_power_is_never_taken_away() -> None:
    method = FloorMatch(probability=1.0)
    method.missing = torch.full((1, 8), 1e-6)  # -60 dB
    batch = batch_of(-70.0)
    assert bool((augmented(method, batch) >= batch.spectrogram_db).all())


def test_the_source_s_own_floor_changes_nothing() -> None:
    method = FloorMatch(probability=1.0)
    method.missing = torch.zeros(2, 8)
    assert torch.equal(augmented(method, batch_of(-50.0)), batch_of(-50.0).spectrogram_db)
