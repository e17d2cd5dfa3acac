"""An MLflow server in memory, whose callers take turns in an order drawn from a seed."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any


class Turns:
    """Threads that run one at a time and change places only where one calls `next`."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)
        self._changed = threading.Condition()
        self._alive: list[int] = []
        self._turn = -1

    def run(self, jobs: Iterable[Callable[[], None]]) -> list[BaseException]:
        """Run all jobs to their ends and return what they raised."""
        errors: list[BaseException] = []
        threads = [
            threading.Thread(target=self._one, args=(number, job, errors))
            for number, job in enumerate(jobs)
        ]
        with self._changed:
            self._alive = list(range(len(threads)))
            self._pass_on()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return errors

    def next(self) -> None:
        """Give the turn to somebody, perhaps the caller, and wait for the caller's next."""
        me = int(threading.current_thread().name)
        with self._changed:
            self._pass_on()
            self._changed.wait_for(lambda: self._turn == me)

    def _one(self, number: int, job: Callable[[], None], errors: list[BaseException]) -> None:
        threading.current_thread().name = str(number)
        with self._changed:
            self._changed.wait_for(lambda: self._turn == number)
        try:
            job()
        except Exception as error:
            errors.append(error)
        with self._changed:
            self._alive.remove(number)
            self._pass_on()

    def _pass_on(self) -> None:
        if self._alive:
            self._turn = self._draw.choice(self._alive)
            self._changed.notify_all()


@dataclass
class MemoryServer:
    """The calls of MlflowClient that a mirror makes; each waits for its turn.

    Runs begin in the same millisecond, so that the order of a search is that of their ids, which
    says nothing of who was first.
    """

    turns: Turns
    draw: random.Random
    runs: dict[str, SimpleNamespace] = field(default_factory=dict)

    def sleep(self, seconds: float) -> None:
        self.turns.next()

    def get_experiment_by_name(self, name: str) -> Any:
        return SimpleNamespace(experiment_id=name, lifecycle_stage="active")

    def create_run(
        self, experiment_id: str, start_time: int, tags: dict[str, str], run_name: str
    ) -> Any:
        self.turns.next()
        run_id = f"{self.draw.getrandbits(64):016x}"
        self.runs[run_id] = SimpleNamespace(tags=dict(tags), status="RUNNING", is_active=True)
        return self._shown(run_id)

    def search_runs(
        self, experiments: list[str], filter_string: str, max_results: int, order_by: list[str]
    ) -> list[Any]:
        self.turns.next()
        name, _, value = filter_string.removeprefix("tags.`").partition("` = ")
        found = [i for i, run in sorted(self.runs.items())
                 if run.is_active and run.tags.get(name) == value.strip("'")]  # fmt: skip
        return [self._shown(run_id) for run_id in found[:max_results]]

    def delete_run(self, run_id: str) -> None:
        self._active(run_id).is_active = False

    def set_tag(self, run_id: str, key: str, value: str) -> None:
        self._active(run_id).tags[key] = value

    def log_batch(self, run_id: str, tags: Any, params: Any, metrics: Any) -> None:
        self._active(run_id).tags.update({tag.key: tag.value for tag in tags})

    def log_text(self, run_id: str, text: str, path: str) -> None:
        self._active(run_id)

    def update_run(self, run_id: str, status: str) -> None:
        self._active(run_id).status = status

    def set_terminated(self, run_id: str, status: str, end_time: int) -> None:
        self._active(run_id).status = status

    def _active(self, run_id: str) -> Any:
        self.turns.next()
        if not self.runs[run_id].is_active:
            raise RuntimeError(f"The run {run_id} must be in the 'active' state")
        return self.runs[run_id]

    def _shown(self, run_id: str) -> Any:
        run = self.runs[run_id]
        return SimpleNamespace(
            info=SimpleNamespace(run_id=run_id, status=run.status),
            data=SimpleNamespace(tags=dict(run.tags)),
        )
