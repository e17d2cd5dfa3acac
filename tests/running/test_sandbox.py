"""The sandbox: twenty ways out fail in it, the same twenty succeed without it, runs are equal."""

from __future__ import annotations

import ctypes
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from devbench.errors import PluginError, RunError
from devbench.running.features import sound_places
from devbench.running.process import WorkerLimits, run_worker
from devbench.running.sandbox import Sandbox, why_not
from helpers.runs import World

PLUGINS = Path(__file__).parent / "plugins"
PROBES = Path(__file__).parent / "probes" / "break_out.py"
pytestmark = pytest.mark.skipif(why_not() != "", reason=f"no sandbox here: {why_not()}")


@pytest.fixture(scope="module")
def world(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    return World.make(tmp_path_factory.mktemp("sandbox"), tiny_data)


@pytest.fixture
def places(world: World, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """What is there to be found outside: files, sockets, a process and shared memory."""
    record = world.run()
    corpus = world.data / "tiny"
    other_run = world.store.folder / "work" / "other"
    other_run.mkdir(exist_ok=True)
    (tmp_path / "code").mkdir()
    for path in ("temporary", "home_file", "code/method.py", other_run / "fitted.json"):
        (tmp_path / path).write_text("secret")
    libc = ctypes.CDLL(None)
    key = 0x5EED0000 + os.getpid() % 0xFFFF
    segment = libc.shmget(key, 4096, 0o1600)
    with ExitStack() as stack:
        stack.callback(libc.shmctl, segment, 0, None)
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        heard = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        heard.bind(server.getsockname())
        for address in (str(tmp_path / "socket"), f"\0devbench-{os.getpid()}"):
            listener = stack.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(address)
            listener.listen()
        yield {
            "manifest": str(corpus / "manifest.csv"),
            "corpus": str(corpus),
            "record": str(world.store.record_path(record.run_id)),
            "ledger": str(world.store.folder / "ledger"),
            "other_run": str(other_run),
            "home_file": str(tmp_path / "home_file"),
            "temporary": str(tmp_path / "temporary"),
            "run_file": str(other_run / "fitted.json"),
            "code": str(tmp_path / "code" / "method.py"),
            "socket": str(tmp_path / "socket"),
            "abstract": f"devbench-{os.getpid()}",
            "port": server.getsockname()[1],
            "pid": os.getpid(),
            "shm": key,
        }


def test_twenty_ways_out_fail_and_are_ways_out_without_it(
    world: World, places: dict[str, Any], tmp_path: Path
) -> None:
    scratch, code = world.store.folder / "work" / "probed" / "fit", tmp_path / "code"
    scratch.mkdir(parents=True)
    words = [sys.executable, str(PROBES), json.dumps(places)]
    inside = Sandbox((PROBES, code)).command(scratch, words)

    def succeed(command: list[str]) -> dict[str, bool]:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=scratch)
        assert done.returncode == 0, done.stderr
        found: dict[str, bool] = json.loads(done.stdout)
        return found

    assert len(succeed(inside)) == 20
    assert [name for name, is_out in succeed(inside).items() if is_out] == []
    assert [name for name, is_out in succeed(words).items() if not is_out] == []


@pytest.mark.parametrize("method", ["baseline", "spectrum-match"])
def test_a_run_in_a_sandbox_gives_the_same_bytes_and_says_so(world: World, method: str) -> None:
    plain, kept = world.run(method), world.run(method, isolation="sandbox")
    assert (plain.plan.isolation, kept.plan.isolation) == ("process", "sandbox")
    assert kept.run_id != plain.run_id
    assert kept.logits_sha256 == plain.logits_sha256
    assert kept.models == plain.models


def test_artifacts_are_built_and_found_in_a_sandbox(world: World) -> None:
    path = PLUGINS / "learned_level.py"
    first, second = (world.run_file(path, isolation="sandbox", seed=seed) for seed in (0, 1))
    (built,), (found,) = (record.models[0].artifacts for record in (first, second))
    assert (built.key, built.sha256) == (found.key, found.sha256)
    assert built.made.n_steps == 6
    assert world.heard.phases.count("artifact level") == 1


def test_a_front_end_is_shown_the_sounds_and_not_what_is_said_of_them(world: World) -> None:
    planned = world.plan()
    root = planned.corpus.folder
    shown = sound_places(root, planned.clips)
    files = {path for path in root.rglob("*") if path.is_file()}
    seen = {path for path in files if any(path.is_relative_to(place) for place in shown)}
    assert seen == {root / clip.path for clip in planned.clips}
    assert root / "manifest.csv" in files - seen


def test_it_ends_with_all_that_it_started(world: World, tmp_path: Path) -> None:
    """A worker over its time ends with its children, which hold a file's lock until then."""
    held = tmp_path / "scratch" / "alive"
    slow = tmp_path / "slow.py"
    slow.write_text(
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        f"    while True: open({str(held)!r}, 'w').write(str(time.time())); time.sleep(0.05)\n"
        "time.sleep(60)\n"
    )
    with pytest.raises((RunError, PluginError)):
        run_worker(
            "describe",
            {"plugins": [_ref(slow)], "settings": {}, "features": {}, "cost": False},
            scratch=tmp_path / "scratch",
            limits=WorkerLimits(wall_s=3.0),
            sandbox=Sandbox((slow,)),
        )
    assert held.exists()
    time.sleep(0.3)
    before = held.read_text()
    time.sleep(0.3)
    assert held.read_text() == before


def _ref(path: Path) -> dict[str, Any]:
    from devbench.registry import from_file

    return from_file("method", path.stem, path).to_dict()
