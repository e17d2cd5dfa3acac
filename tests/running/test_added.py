"""What a method adds to clips: measured after training, per band, without a trace in training."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
import torch

from devbench import Batch, Method
from devbench.running.added import MAX_BANDS, N_CLIPS, QUANTILES, added_db
from devbench.running.clips import StagedClips

N_BINS = 48


class Changing(Method):
    """Applies what it is given to the spectrogram."""

    def __init__(self, change: Callable[[torch.Tensor, torch.Generator], torch.Tensor]) -> None:
        self.change = change

    def augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        assert batch.spectrogram_db is not None
        changed = self.change(batch.spectrogram_db, generator)
        return dataclasses.replace(batch, spectrogram_db=changed)


class Mixing(Method):
    def augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        target = 0.5 * batch.target + 0.5 * batch.target.flip(0)
        return dataclasses.replace(batch, target=target)


@pytest.fixture
def clips() -> StagedClips:
    generator = torch.Generator().manual_seed(3)
    index = torch.tensor([[30 * clip, 30] for clip in range(10)])
    return StagedClips(
        torch.randn(300, N_BINS, generator=generator),
        index,
        crop=20,
        bin_hz=torch.linspace(100.0, 8000.0, N_BINS),
        labels=torch.arange(10) % 3,
        n_classes=3,
    )


def found(method: Method, clips: StagedClips) -> dict[str, list[list[float]]] | None:
    return added_db(method, "changing", clips, seed=0, to_spectrogram=lambda batch: batch)


def test_a_constant_is_found_in_every_band_and_quantile(clips: StagedClips) -> None:
    tilt = torch.linspace(-3.0, 3.0, N_BINS)
    added = found(Changing(lambda x, generator: x + tilt[:, None]), clips)
    assert added is not None
    assert len(added["hz"]) == MAX_BANDS
    assert added["hz"] == sorted(added["hz"])
    assert len(added["db"]) == len(QUANTILES)
    assert {tuple(row) for row in added["db"]} == {tuple(added["db"][0])}
    assert added["db"][0][0] == pytest.approx(-3.0, abs=0.1)
    assert added["db"][0][-1] == pytest.approx(3.0, abs=0.1)


def test_quantiles_are_those_of_what_is_drawn(clips: StagedClips) -> None:
    def shifted(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        return x + 20 * torch.rand((len(x), 1, 1, 1), generator=generator)

    added = found(Changing(shifted), clips)
    assert added is not None
    for share, row in zip(QUANTILES, added["db"], strict=True):
        assert row[5] == pytest.approx(20 * share, abs=20 * 4 * (0.25 / N_CLIPS) ** 0.5)
    assert added == found(Changing(shifted), clips)


def test_nothing_is_said_of_methods_that_add_nothing_or_change_labels(clips: StagedClips) -> None:
    assert found(Method(), clips) is None
    assert found(Mixing(), clips) is None
