"""What ends a prediction is named as what it is: the machine's limits are no fault of a plugin."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from devbench.errors import DevbenchError, PluginError, RunError
from devbench.running import predict_task
from devbench.running.jobs import PredictJob
from devbench.running.worker import Channel
from helpers.model_jobs import model_job

JOB = PredictJob(
    model=model_job(),
    weights=[],
    weights_sha256=[],
    groups=[],
)


def ended_by(
    raised: Exception, kind: type[DevbenchError], tmp_path: Path, patch: pytest.MonkeyPatch
) -> DevbenchError:
    def fail(*_: object) -> None:
        raise raised

    patch.setattr(predict_task.guard, "install", lambda *_, **__: None)
    patch.setattr(predict_task, "set_up_torch", lambda _: torch.device("cpu"))
    patch.setattr(predict_task, "_predict", fail)
    patch.chdir(tmp_path)
    with pytest.raises(kind) as caught:
        predict_task.run(JOB.model_dump(mode="json"), Channel(-1))
    return caught.value


def test_gpu_memory_that_runs_out_is_not_a_plugins_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = torch.OutOfMemoryError("CUDA out of memory")
    found = ended_by(error, RunError, tmp_path, monkeypatch)
    assert isinstance(found, RunError) and found.state == "memory"


def test_a_plugin_that_fails_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = ended_by(ValueError("no such shape"), PluginError, tmp_path, monkeypatch)
    assert "'baseline'" in found.what and "failed in prediction" in found.what
    assert "ValueError: no such shape" in found.what
