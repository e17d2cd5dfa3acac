"""Where CUDA is asked for and cannot be had, the machine is named and no plugin is blamed."""

from __future__ import annotations

import pytest

from devbench.errors import ConfigurationError
from devbench.running import hardware
from devbench.running.plan import _device

GPU = hardware.CudaDevice("Some GPU", 80_000, "9.0")


@pytest.fixture(autouse=True)
def _torch_for_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU is there, and a torch that cannot use it."""
    monkeypatch.setattr(hardware, "cuda_info", lambda: (GPU,))
    monkeypatch.setattr(hardware, "torch_is_built_for_cuda", lambda: False)


def test_a_gpu_that_torch_cannot_use_ends_at_the_plan() -> None:
    assert _device("auto") == "cpu"
    with pytest.raises(ConfigurationError, match="CUDA"):
        _device("cuda")
