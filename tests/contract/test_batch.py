"""A batch holds one of its two inputs, and is replaced, never changed."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from devbench.contract.batch import Batch
from devbench.errors import ContractError

WAVEFORM = torch.zeros(3, 100)
SPECTROGRAM_DB = torch.zeros(3, 1, 80, 7)
TARGET = torch.eye(3)
BIN_HZ = torch.linspace(10, 8000, 80)


def test_the_input_that_is_there_is_the_clips() -> None:
    assert Batch(TARGET, BIN_HZ, waveform=WAVEFORM).clips is WAVEFORM
    batch = Batch(TARGET, BIN_HZ, spectrogram_db=SPECTROGRAM_DB)
    assert batch.clips is SPECTROGRAM_DB
    assert len(batch) == 3


@pytest.mark.parametrize("both", [True, False])
def test_both_or_neither_is_refused(both: bool) -> None:
    inputs = {"waveform": WAVEFORM, "spectrogram_db": SPECTROGRAM_DB} if both else {}
    with pytest.raises(ContractError, match="either a waveform or a spectrogram") as caught:
        Batch(TARGET, BIN_HZ, **inputs)
    assert "dataclasses.replace" in caught.value.fix


def test_a_batch_is_replaced_and_not_changed() -> None:
    batch = Batch(TARGET, BIN_HZ, waveform=WAVEFORM)
    with pytest.raises(dataclasses.FrozenInstanceError):
        batch.waveform = None  # type: ignore[misc]
    other = dataclasses.replace(batch, waveform=WAVEFORM + 1)
    assert other.target is batch.target and other.clips is not batch.clips
    assert other != batch and batch == batch  # by identity: tensors have no one truth
