"""Where CUDA is asked for and cannot be had, the machine is named and no plugin is blamed."""

from __future__ import annotations

from pathlib import Path

import pytest

from devbench.errors import CheckError, ConfigurationError
from devbench.results.expected import Expectation
from devbench.results.store import Store
from devbench.running import hardware
from devbench.running.again import Again
from devbench.running.hardware import chosen_device
from helpers.records import make_run

GPU = hardware.CudaDevice("Some GPU", 80_000, "9.0")


@pytest.fixture(autouse=True)
def _torch_for_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU is there, and a torch that cannot use it."""
    monkeypatch.setattr(hardware, "cuda_info", lambda: (GPU,))
    monkeypatch.setattr(hardware, "torch_is_built_for_cuda", lambda: False)


def test_a_gpu_that_torch_cannot_use_ends_at_the_plan() -> None:
    assert chosen_device("auto") == "cpu"
    with pytest.raises(ConfigurationError, match="CUDA"):
        chosen_device("cuda")


def test_a_run_of_a_gpu_is_not_predicted_again_without_one(tmp_path: Path) -> None:
    made = make_run(device="cuda")
    with pytest.raises(CheckError, match="cuda"):
        Again(Store(tmp_path), Expectation([])).predict(made.record, made.stored)
