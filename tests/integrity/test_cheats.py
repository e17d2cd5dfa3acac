"""Methods that cheat or break: each is refused with the right reason and leaves nothing."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from devbench.errors import AccessError, ContractError, DevbenchError, PluginError, RunError
from helpers.runs import World

CHEATS = Path(__file__).parent / "cheats"

REFUSED: list[tuple[str, type[DevbenchError], str, str]] = [
    # file, error, words of the reason, state that is written down
    ("disk_walk", PluginError, "outside what was staged", "plugin"),
    ("parent_memory", PluginError, "outside what was staged", "plugin"),
    ("network", PluginError, "socket.connect", "plugin"),
    ("undeclared", AccessError, "does not declare it", "plugin"),
    ("batch_statistics", PluginError, "statistics of the test batch", "plugin"),
    ("running_state", ContractError, "changes while it predicts", "plugin"),
    ("forged_result", RunError, "without a result", "plugin"),
    ("nan_batch", RunError, "NaN or infinity", "nan"),
    ("nan_later", RunError, "epoch 1, step 3", "nan"),
    ("nan_logits", RunError, "loss on source validation clips", "nan"),
    ("wrong_shape", ContractError, "changed clips from", "plugin"),
]


@pytest.mark.parametrize(("name", "error", "words", "state"), REFUSED, ids=lambda v: str(v)[:20])
def test_a_cheat_is_refused_with_its_reason(
    name: str, error: type[DevbenchError], words: str, state: str, tiny_data: Path, tmp_path: Path
) -> None:
    world = World.make(tmp_path, tiny_data)
    with pytest.raises(error, match=words) as caught:
        world.run_file(CHEATS / f"{name}.py")
    assert type(caught.value) is error
    assert caught.value.fix
    failures = list(world.store.failures(pytest.fail))
    assert [failure.state for failure in failures] == [state]
    assert world.store.run_ids() == []


def test_walking_stack_and_heap_finds_no_labels(tiny_data: Path, tmp_path: Path) -> None:
    record = World.make(tmp_path, tiny_data).run_file(CHEATS / "label_walk.py")
    assert record.checks.independence == "passed"


def test_a_patched_metric_changes_no_score(tiny_data: Path, tmp_path: Path) -> None:
    record = World.make(tmp_path, tiny_data).run_file(CHEATS / "metric_patch.py")
    # It learned nothing: six test clips of three classes, all put into one class or spread
    assert all(score.macro_f1 < 0.7 for score in record.scores)


def test_a_method_that_never_ends_is_ended(tiny_data: Path, tmp_path: Path) -> None:
    world = World.make(tmp_path, tiny_data, wall_s="20.0")
    with pytest.raises(RunError, match="more than 20 s") as caught:
        world.run_file(CHEATS / "never_ends.py")
    assert caught.value.state == "timeout"


def test_a_memory_hog_is_ended(tiny_data: Path, tmp_path: Path) -> None:
    world = World.make(tmp_path, tiny_data, memory_mb="1500")
    with pytest.raises(RunError, match="MiB where 1500 are allowed") as caught:
        world.run_file(CHEATS / "memory_hog.py")
    assert caught.value.state == "memory"


def test_no_process_outlives_its_run(tiny_data: Path, tmp_path: Path) -> None:
    before = {process.pid for process in psutil.process_iter()}
    world = World.make(tmp_path, tiny_data)
    world.run_file(CHEATS / "daemon.py")
    left = []
    for process in psutil.process_iter():
        if process.pid not in before:
            try:
                left += [process.pid] if str(tmp_path) in process.environ().get("HOME", "") else []
            except psutil.Error:
                continue
    assert left == []
