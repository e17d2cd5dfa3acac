"""Starting is light: help, lists and every mistake are answered without a heavy import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from devbench.errors import EXIT_DONE, EXIT_UNKNOWN_NAME, EXIT_USAGE
from devbench.plugin_kit.tiny import make_benchmark

HEAVY = ("torch", "torchaudio", "numpy", "pandas", "sklearn", "librosa", "mlflow", "scipy", "soxr",
         "soundfile", "safetensors", "rich", "matplotlib", "plotly", "ray")  # fmt: skip
PROBE = f"""
import atexit, json, sys
def tell():
    found = sorted(set(sys.modules) & set({HEAVY!r}))
    plugins = sorted(m for m in sys.modules if m.startswith("devbench_plugins."))
    sys.stderr.write("\\nMODULES " + json.dumps(found + plugins) + "\\n")
atexit.register(tell)
from devbench.cli.group import run
run(sys.argv[1:])
"""
RUN = ["run", "--method", "baseline", "--source", "phone", "--benchmark", "{benchmark}",
       "--data", "{data}", "--store", "{store}", "--device", "cpu"]  # fmt: skip

CASES: dict[str, tuple[list[str], int]] = {
    "help": (["--help"], EXIT_DONE),
    "version": (["--version"], EXIT_DONE),
    "help-run": (["run", "--help"], EXIT_DONE),
    "help-converter": (["converter", "--help"], EXIT_DONE),
    "converter-ls": (["converter", "ls", "--store", "{store}", "--json"], EXIT_DONE),
    "converter-show": (["converter", "show", "none", "--store", "{store}"], EXIT_UNKNOWN_NAME),
    "ls-methods": (["ls", "methods"], EXIT_DONE),
    "ls-plugins": (["ls", "plugins", "--json"], EXIT_DONE),
    "ls-benchmarks": (["ls", "benchmarks"], EXIT_DONE),
    "ls-devices": (["ls", "devices", "--benchmark", "{benchmark}"], EXIT_DONE),
    "ls-runs": (["ls", "runs", "--store", "{store}"], EXIT_DONE),
    "ls-unknown": (["ls", "methodes"], EXIT_UNKNOWN_NAME),
    "show-method": (["show", "freq-mixstyle"], EXIT_DONE),
    "show-unknown": (["show", "freq-mixstile", "--store", "{store}"], EXIT_UNKNOWN_NAME),
    "help-plugin": (["plugin", "check", "--help"], EXIT_DONE),
    "plugin-unknown": (["plugin", "check", "gian"], EXIT_UNKNOWN_NAME),
    "help-report": (["report", "--help"], EXIT_DONE),
    "report-unknown": (["report", "umc-rael", "--store", "{store}"], EXIT_UNKNOWN_NAME),
    "help-recommend": (["recommend", "--help"], EXIT_DONE),
    "recommend-track": (["recommend", "--track", "blnd"], EXIT_UNKNOWN_NAME),
    "recommend-both": (["recommend", "--track", "blind", "--allow", "device-fr"], EXIT_USAGE),
    "command": (["rnu"], EXIT_UNKNOWN_NAME),
    "nothing-given": (["run"], EXIT_USAGE),
    "option": ([*RUN, "--sead", "1"], EXIT_USAGE),
    "device": ([*RUN, "--device", "gpu"], EXIT_USAGE),
    "method": ([*RUN, "--method", "basline"], EXIT_UNKNOWN_NAME),
    "source": ([*RUN, "--source", "fone"], EXIT_UNKNOWN_NAME),
    "benchmark": ([*RUN, "--benchmark", "sim77"], EXIT_UNKNOWN_NAME),
    "budget": ([*RUN, "--budget", "quik"], EXIT_UNKNOWN_NAME),
    "backbone": ([*RUN, "--backbone", "resnet19"], EXIT_UNKNOWN_NAME),
    "setting": ([*RUN, "--set", "x=1"], EXIT_UNKNOWN_NAME),
    "planned": ([*RUN, "--dry-run"], EXIT_DONE),
}


@pytest.fixture(scope="module")
def places(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("start")
    benchmark = make_benchmark(folder / "tiny.toml")
    return {"data": str(tiny_data), "benchmark": str(benchmark), "store": str(folder / "store")}


@pytest.mark.parametrize("case", CASES)
def test_nothing_heavy_is_imported(case: str, places: dict[str, str]) -> None:
    arguments, code = CASES[case]
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *(a.format(**places) for a in arguments)],
        capture_output=True,
        text=True,
        env=os.environ | {"LC_ALL": "C.UTF-8"},
        check=False,
    )
    said, _, modules = done.stderr.rpartition("\nMODULES ")
    assert json.loads(modules) == []
    assert done.returncode == code, said
    assert "Traceback" not in done.stderr
    if code == EXIT_DONE:
        assert done.stdout or said == "no runs\n"
    else:
        assert done.stdout == ""
        first, second = said.strip().splitlines()
        assert first.startswith("devbench: ") and second.startswith("  fix: ")
    assert not Path(places["store"]).exists()  # looking and failing leave nothing behind


def test_the_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "devbench", "ls", "methods"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "freq-mixstyle" in done.stdout and done.stderr == ""


def test_a_reader_that_leaves_is_no_error() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "devbench", "ls", "plugins"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as child:
        assert child.stdout is not None and child.stderr is not None
        child.stdout.close()
        assert child.stderr.read() == b""
        assert child.wait(20) == 0
