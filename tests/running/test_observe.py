"""Observers hear every event in order; a broken one costs its own log and nothing else."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from devbench.registry import PluginRef
from devbench.running import observe
from devbench.running.observe import Observers, enabled_observers

PLAN = {"method": {"name": "baseline"}, "source": "iphone14"}
RECORD = {"run_id": "0" * 64, "plan": PLAN}

GOOD = """
import json, pathlib
from devbench import hookimpl
HEARD = pathlib.Path({heard!r})
def write(*words):
    with HEARD.open("a") as file:
        file.write(json.dumps(words) + "\\n")
@hookimpl
def devbench_run_started(plan): write("started", plan["source"])
@hookimpl
def devbench_epoch_finished(plan, epoch): write("epoch", epoch["epoch"])
@hookimpl
def devbench_run_finished(record, store): write("finished", record["run_id"], store)
@hookimpl
def devbench_sweep_finished(sweep, store): write("swept", sweep["cells"], store)
"""
BROKEN = """
import os, sys, time
from devbench import hookimpl
{top}
@hookimpl
def devbench_run_finished(record, store):
    {body}
"""

Make = Callable[..., PluginRef]


@pytest.fixture
def heard(tmp_path: Path) -> Path:
    return tmp_path / "heard.jsonl"


@pytest.fixture
def make(tmp_path: Path, heard: Path) -> Make:
    """Return a function that writes an observer: good, or one with a body or a top that breaks."""

    def make(name: str, body: str = "pass", *, top: str = "", good: bool = False) -> PluginRef:
        path = tmp_path / f"{name}.py"
        text = GOOD.format(heard=str(heard)) if good else BROKEN.format(top=top, body=body)
        path.write_text(text)
        return PluginRef("observer", name, "", path.name, "0", str(path))

    return make


def watch(observers: Observers, store: Path, *, n_epochs: int = 0) -> list[str]:
    with observers:
        observers.started(PLAN)
        for epoch in range(1, n_epochs + 1):
            observers.epoch(PLAN, {"epoch": epoch})
        return observers.finished(RECORD, store)


def words(heard: Path) -> list[list[object]]:
    return [json.loads(line) for line in heard.read_text().splitlines()]


def test_without_observers_there_is_no_process(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[object] = []

    def refuse(*words: object, **options: object) -> None:
        started.append(words)
        raise OSError("no process in this test")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    assert watch(Observers([]), tmp_path, n_epochs=2) == []
    assert not started
    watch(Observers([make("good", good=True)]), tmp_path)
    assert started  # a process is seen here


def test_events_arrive_in_order(make: Make, heard: Path, tmp_path: Path) -> None:
    with Observers([make("good", good=True)]) as observers:
        observers.started(PLAN)
        observers.epoch(PLAN, {"epoch": 1})
        observers.epoch(PLAN, {"epoch": 2})
        deadline = time.monotonic() + 30
        while not heard.exists() or len(words(heard)) < 3:  # epochs are told while the run goes on
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert observers.finished(RECORD, tmp_path) == []
    assert words(heard) == [
        ["started", "iphone14"],
        ["epoch", 1],
        ["epoch", 2],
        ["finished", "0" * 64, str(tmp_path)],
    ]


def test_a_sweep_that_ended_is_told_and_a_broken_observer_costs_a_warning(
    make: Make, heard: Path, tmp_path: Path
) -> None:
    broken = "@hookimpl\ndef devbench_sweep_finished(sweep, store): raise ValueError('no luck')"
    with Observers([make("a-broken", top=broken), make("good", good=True)]) as observers:
        warnings = observers.sweep_finished({"cells": {"a": "done"}}, tmp_path)
    assert len(warnings) == 1 and "'a-broken' failed in sweep_finished" in warnings[0]
    assert words(heard) == [["swept", {"a": "done"}, str(tmp_path)]]


@pytest.mark.parametrize(
    ("body", "top", "expected"),
    [
        ("raise ValueError('no luck\\x1b[2J')", "", "ValueError: no luck [2J"),
        ("sys.exit(0)", "", "SystemExit"),
        ("os._exit(3)", "", "ended the process with exit code 3"),
        ("os.kill(os.getpid(), 9)", "", "ended the process with exit code -9"),
        ("pass", "import no_such_module_at_all", "no_such_module_at_all"),
        ("pass", "os._exit(4)", "exit code 4 in load"),
        ("pass", "@hookimpl\ndef devbench_no_such_hook(): pass", "devbench_no_such_hook"),
        ("from devbench import DataError; raise DataError('a', fix='b')", "", "a (fix: b)"),
    ],
)
def test_a_broken_observer_is_named_and_the_others_hear_all(
    make: Make, heard: Path, tmp_path: Path, body: str, top: str, expected: str
) -> None:
    refs = [make("a-broken", body, top=top), make("good", good=True)]
    warnings = watch(Observers(refs), tmp_path)
    assert len(warnings) == 1
    assert "'a-broken'" in warnings[0] and expected in warnings[0]
    assert warnings[0].isprintable()
    assert [line[0] for line in words(heard)] in (["started", "finished"], ["finished"])
    assert [line[0] for line in words(heard)].count("finished") == 1


def test_an_endless_observer_is_ended(make: Make, heard: Path, tmp_path: Path) -> None:
    endless = make("endless", "while True: time.sleep(0.01)")
    begin = time.monotonic()
    warnings = watch(Observers([endless, make("good", good=True)], timeout_s=1.5), tmp_path)
    assert time.monotonic() - begin < 15
    assert len(warnings) == 1 and "took more than 1.5 s in run_finished" in warnings[0]
    assert ["finished", "0" * 64, str(tmp_path)] in words(heard)


def test_what_an_observer_prints_goes_to_its_log(make: Make, heard: Path, tmp_path: Path) -> None:
    noisy = make(
        "noisy",
        'print(\'{"event": "done"}\', flush=True); os.write(1, b"\\xff junk\\n" * 999)\n'
        '    os.system("echo child")',
    )
    log = tmp_path / "logs" / "observers.log"
    assert watch(Observers([noisy, make("good", good=True)], log=log), tmp_path) == []
    assert b"junk" in log.read_bytes() and b"child" in log.read_bytes()
    assert "finished" in [line[0] for line in words(heard)]


def test_one_observer_cannot_change_what_the_next_sees(
    make: Make, heard: Path, tmp_path: Path
) -> None:
    forger = make("a-forger", "record['run_id'] = 'forged'")
    assert watch(Observers([forger, make("good", good=True)]), tmp_path) == []
    assert ["finished", "0" * 64, str(tmp_path)] in words(heard)


def test_closing_ends_the_process_of_a_run_that_failed(make: Make, tmp_path: Path) -> None:
    slow = make("slow", top="time.sleep(60)")
    begin = time.monotonic()
    with Observers([slow]) as observers:
        observers.started(PLAN)
        time.sleep(0.3)
    assert time.monotonic() - begin < 30  # and not the minute that it sleeps


def test_what_is_no_json_is_a_warning(make: Make, tmp_path: Path) -> None:
    with Observers([make("good", good=True)]) as observers:
        warnings = observers.finished({"bad": object()}, tmp_path)
    assert len(warnings) == 1 and "TypeError" in warnings[0]


def test_the_environment_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        observe.registry,
        "installed",
        lambda kind: {"log": [PluginRef("observer", "log", "some.module", "some", "1")]},
    )
    monkeypatch.setenv("DEVBENCH_OBSERVERS", "none")
    assert enabled_observers() == ([], [])
    monkeypatch.delenv("DEVBENCH_OBSERVERS")
    assert [ref.name for ref in enabled_observers()[0]] == ["log"]
    monkeypatch.setenv("DEVBENCH_OBSERVERS", "lgo, log")
    refs, warnings = enabled_observers()
    assert [ref.name for ref in refs] == ["log"]
    assert len(warnings) == 1 and "did you mean 'log'" in warnings[0]
