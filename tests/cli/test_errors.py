"""Every mistake ends in one line, one fix and a documented exit code, and steers no terminal."""

from __future__ import annotations

import errno
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devbench.cli import group
from devbench.errors import (
    EXIT_BUG,
    EXIT_CONFIGURATION,
    EXIT_DATA,
    EXIT_DONE,
    EXIT_INTERRUPTED,
    EXIT_PLUGIN,
    EXIT_RUN,
    EXIT_UNKNOWN_NAME,
    EXIT_USAGE,
    RunError,
)
from devbench.plugin_kit.tiny import BENCHMARK, make_benchmark, make_corpus
from helpers.commands import Command, Said

ESC = "\x1b[31m"


def require_one_line_and_a_fix(said: Said) -> None:
    assert len(said.lines) == 2, said.err
    assert said.lines[0].startswith("devbench: ") and len(said.lines[0]) > 15
    assert said.lines[1].startswith("  fix: ") and len(said.lines[1]) > 10
    assert all(c.isprintable() or c == "\n" for c in said.err)
    assert said.out == ""


@pytest.fixture
def run_arguments(tiny_data: Path, tmp_path: Path) -> list[object]:
    benchmark = make_benchmark(tmp_path / "tiny.toml")
    return ["run", "--method", "baseline", "--source", "phone", "--benchmark", benchmark, "--data",
            tiny_data, "--store", tmp_path / "store", "--device", "cpu"]  # fmt: skip


BROKEN_FILES = {
    "syntax.py": "def (",
    "exits.py": "raise SystemExit(3)",
    "ends.py": "import os\nos._exit(5)",
    "no_hook.py": "x = 1\n",
    "other.py": "from devbench import *\n@hookimpl\ndef devbench_method():\n"
    "    return MethodSpec(name='elsewhere', build=Method)\n",
}

MISTAKES: dict[str, tuple[list[str], int, str]] = {
    # more arguments of run, exit code, words of the two lines
    "method": (["--method", "basline"], EXIT_UNKNOWN_NAME, "did you mean 'baseline'"),
    "source": (["--source", "phon"], EXIT_UNKNOWN_NAME, "did you mean 'phone'"),
    "benchmark": (["--benchmark", "mics8"], EXIT_UNKNOWN_NAME, "did you mean 'mics7'"),
    "benchmark-file": (["--benchmark", "no/such.toml"], EXIT_UNKNOWN_NAME, "no/such.toml"),
    "benchmark-folder": (["--benchmark", "."], EXIT_UNKNOWN_NAME, "no benchmark named '.'"),
    "budget": (["--budget", "quik"], EXIT_UNKNOWN_NAME, "did you mean 'quick'"),
    "backbone": (["--backbone", "resnet-18"], EXIT_UNKNOWN_NAME, "did you mean 'resnet18'"),
    "device": (["--device", "tpu"], EXIT_USAGE, "'tpu' is not one of 'auto', 'cpu', 'cuda'"),
    "fold": (["--fold", "-1"], EXIT_USAGE, "has no fold -1"),
    "fold-word": (["--fold", "one"], EXIT_USAGE, "'one' is not a valid integer"),
    "seed": (["--seed", "-1"], EXIT_USAGE, "seed -1 is below 0"),
    "threads": (["--threads", "-1"], EXIT_USAGE, "-1"),
    "set-form": (["--set", "width"], EXIT_USAGE, "--set 'width' has no '='"),
    "set-twice": (["--set", "a=1", "--set", "a=2"], EXIT_USAGE, "'a' is given twice"),
    "set-owner": (["--set", "corpus.a=1"], EXIT_USAGE, "corpus.a"),
    "set-name": (
        ["--method", "freq-mixstyle", "--set", "alfa=1"], EXIT_UNKNOWN_NAME, "'alpha'"),
    "set-type": (
        ["--method", "freq-mixstyle", "--set", "alpha=much"], EXIT_CONFIGURATION, "a number"),
    "set-nan": (["--method", "freq-mixstyle", "--set", "alpha=nan"], EXIT_CONFIGURATION, "nan"),
    "set-range": (["--method", "freq-mixstyle", "--set", "alpha=-5"], EXIT_CONFIGURATION, "-5"),
    "set-backbone": (["--set", "backbone.widht=8"], EXIT_UNKNOWN_NAME, "'width'"),
    "data": (["--data", "no-such-folder"], EXIT_DATA, "corpus 'tiny' was not found in 'no-such"),
    "unknown-option": (["--sed", "1"], EXIT_USAGE, "--seed"),
    "surplus": (["surplus"], EXIT_USAGE, "surplus"),
    "store-is-a-file": (["--store", "{file}"], EXIT_USAGE, "is a file"),
    "store-below-a-file": (["--store", "{file}/store"], EXIT_DATA, "Not a directory"),
    "long-store": (["--store", "x" * 300], EXIT_DATA, "File name too long"),
    "long-benchmark": (["--benchmark", "x" * 300 + ".toml"], EXIT_DATA, "File name too long"),
    "plugin-file": (["--method", "x", "--plugin", "{folder}/none.py"], EXIT_USAGE, "none.py"),
    "plugin-syntax": (
        ["--method", "syntax", "--plugin", "{folder}/syntax.py"], EXIT_PLUGIN, "SyntaxError"),
    "plugin-exit": (
        ["--method", "exits", "--plugin", "{folder}/exits.py"], EXIT_PLUGIN, "SystemExit"),
    "plugin-end": (
        ["--method", "ends", "--plugin", "{folder}/ends.py"], EXIT_PLUGIN, "exit code 5"),
    "plugin-hook": (
        ["--method", "no-hook", "--plugin", "{folder}/no_hook.py"], EXIT_PLUGIN, "@hookimpl"),
    "plugin-name": (
        ["--method", "mine", "--plugin", "{folder}/other.py"], EXIT_PLUGIN, "elsewhere"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_of_run(
    mistake: str, command: Command, run_arguments: list[object], tmp_path: Path
) -> None:
    more, code, words = MISTAKES[mistake]
    (tmp_path / "file").write_text("")
    for name, text in BROKEN_FILES.items():
        (tmp_path / name).write_text(text)
    filled = [a.format(file=tmp_path / "file", folder=tmp_path) for a in more]
    said = command(*run_arguments, *filled)
    require_one_line_and_a_fix(said)
    assert words in said.err
    assert said.code == code
    assert not (tmp_path / "store").exists()


MALFORMED: dict[str, tuple[Callable[[str], str | bytes], int, str]] = {
    "syntax": (lambda t: t.replace("[seeds]", "[seeds"), EXIT_CONFIGURATION, "line 37"),
    "empty": (lambda t: "", EXIT_CONFIGURATION, "is missing"),
    "no-text": (lambda t: b"\xff\xfe" + t.encode(), EXIT_CONFIGURATION, "utf-8"),
    "unknown-key": (lambda t: "colour = 1\n" + t, EXIT_CONFIGURATION, "unknown key 'colour'"),
    "unknown-deep": (
        lambda t: t + "\n[limits.gpu]\n", EXIT_CONFIGURATION, "unknown key 'limits.gpu'"),
    "missing": (lambda t: t.replace("version = 1", ""), EXIT_CONFIGURATION, "'version' is missing"),
    "type": (
        lambda t: t.replace("epochs = 4", 'epochs = "4"'), EXIT_CONFIGURATION,
        "budgets.quick.epochs is '4'"),
    "range": (
        lambda t: t.replace("batch = 4", "batch = 1"), EXIT_CONFIGURATION, "greater than or equal"),
    "infinite": (
        lambda t: t.replace("wall_s = 120.0", "wall_s = inf"), EXIT_CONFIGURATION, "limits.wall_s"),
    "nan": (
        lambda t: t.replace("= 0.003", "= nan"), EXIT_CONFIGURATION, "learning_rate is 'nan'"),
    "huge-number": (
        lambda t: t.replace("epochs = 4", "epochs = 1" + "0" * 5000), EXIT_CONFIGURATION, "4300"),
    "sum": (lambda t: t.replace("test = 0.2", "test = 0.3"), EXIT_CONFIGURATION, "make it 1"),
    "twice": (lambda t: t.replace('"hum", "noise"', '"hum", "hum"'), EXIT_CONFIGURATION, "twice"),
    "band": (lambda t: t.replace("4000.0", "5000.0"), EXIT_CONFIGURATION, "sample_rate_hz / 2"),
    "other-schema": (lambda t: t.replace("schema = 1", "schema = 2"), EXIT_CONFIGURATION, "schema"),
    "other-rate": (lambda t: t.replace("= 8000\n", "= 16000\n"), EXIT_DATA, "wants 16000 Hz"),
    "other-class": (lambda t: t.replace('"tick"', '"tock"'), EXIT_DATA, "lacks classes"),
    "other-device": (lambda t: t.replace('"watch"', '"clock"'), EXIT_DATA, "lacks devices"),
    "other-corpus": (
        lambda t: t.replace('corpus = "tiny"', 'corpus = "tini"'), EXIT_DATA, "corpus 'tini'"),
    "folds": (
        lambda t: t.replace('"hash"', '"folds"\nn_folds = 3\nconvert_folds = 1\ntrain_folds = 1\n'
                            "test_folds = 1"), EXIT_CONFIGURATION, "the benchmark wants 3"),
}  # fmt: skip


@pytest.mark.parametrize("fault", MALFORMED)
def test_a_malformed_benchmark_file(
    fault: str, command: Command, run_arguments: list[object], tmp_path: Path
) -> None:
    change, code, words = MALFORMED[fault]
    path = tmp_path / "bad.toml"
    text = change(BENCHMARK)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    said = command(*run_arguments, "--benchmark", path)
    require_one_line_and_a_fix(said)
    assert words in said.err
    assert said.code == code
    if code == EXIT_CONFIGURATION and fault != "folds":
        assert str(path) in said.err


CORRUPT: dict[str, tuple[str, Callable[[bytes], bytes], int, str]] = {
    "manifest-gone": ("manifest.csv", lambda b: b"", EXIT_CONFIGURATION, "column 'clip_id'"),
    "cell": ("manifest.csv", lambda b: b.replace(b",4000,", b",many,", 1), EXIT_CONFIGURATION,
             "line 2: n_samples is 'many'"),
    "cut": ("manifest.csv", lambda b: b[:-40], EXIT_CONFIGURATION, "line 91: sha256"),
    "binary": ("manifest.csv", lambda b: b[:300] + b"\x00\xff" * 99, EXIT_CONFIGURATION, "line"),
    "header": ("corpus.toml", lambda b: b.replace(b"version = 1", b"version = 0"),
               EXIT_CONFIGURATION, "version is '0'"),
    "response": ("responses/phone.csv", lambda b: b"freq_hz,gain_db\n1,nan\n2,3\n", EXIT_DATA,
                 "phone.csv"),
}  # fmt: skip


@pytest.fixture(scope="module")
def own_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    make_corpus(folder / "tiny")
    return folder


@pytest.mark.parametrize("fault", CORRUPT)
def test_a_corrupt_corpus(
    fault: str, command: Command, run_arguments: list[object], own_data: Path
) -> None:
    name, change, code, words = CORRUPT[fault]
    path = own_data / "tiny" / name
    whole = path.read_bytes()
    try:
        path.write_bytes(change(whole))
        method = ["--method", "fr-shift-real"] if fault == "response" else []
        said = command(*run_arguments, "--data", own_data, *method, "--dry-run")
    finally:
        path.write_bytes(whole)
    require_one_line_and_a_fix(said)
    assert words in said.err
    assert str(path) in said.err
    assert said.code in (code, EXIT_DATA, EXIT_CONFIGURATION)


@pytest.mark.parametrize(
    "arguments",
    [
        [f"run{ESC}"],
        ["run", f"--me{ESC}thod"],
        ["run", "--method", ESC, "--source", "x"],
        ["run", "--method", "x\nfix: rm -rf /", "--source", "x"],
        ["run", "--method", "baseline", "--source", f"p\r{ESC}", "--benchmark", "mics7"],
        ["run", "--method", "baseline", "--source", "x", "--benchmark", f"{ESC}.toml"],
        ["run", "--method", "baseline", "--source", "x", "--benchmark", "a\nb\u202e"],
        ["run", "--method", "baseline", "--source", "x", "--device", ESC],
        ["run", "--method", "baseline", "--source", "x", "--seed", ESC],
        ["show", f"\x9b31m{ESC}"],
        ["show", "\udcff\udc9b"],
        ["ls", f"\x07{ESC}"],
        ["ls", "devices", "--benchmark", f"mics{ESC}"],
        ["verify", ESC],
        ["data", f"buil{ESC}"],
        ["data", "check", f"no{ESC}"],
        [ESC],
    ],
    ids=repr,
)
def test_control_characters_do_not_reach_the_terminal(
    arguments: list[str], command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = command(*arguments)
    require_one_line_and_a_fix(said)
    assert said.code in (EXIT_USAGE, EXIT_UNKNOWN_NAME, EXIT_DATA)
    debugged = command("--debug", *arguments)
    assert all(c.isprintable() or c == "\n" for c in debugged.err)
    assert debugged.code == said.code


@pytest.mark.parametrize("place", [0, 1, 3])
def test_debug_shows_the_traceback_wherever_it_stands(
    place: int, command: Command, run_arguments: list[object]
) -> None:
    arguments = [*run_arguments, "--budget", "quik"]
    plain = command(*arguments)
    arguments.insert(place, "--debug")
    said = command(*arguments)
    assert said.code == plain.code == EXIT_UNKNOWN_NAME
    assert "Traceback" not in plain.err
    assert said.err.startswith("Traceback") and "require_known" in said.err
    assert said.lines[-2:] == plain.lines


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ValueError("inside\x1b[31m"), EXIT_BUG, "a bug: ValueError: inside"),
        (OSError(errno.EIO, "I/O error", "/x"), EXIT_BUG, "a bug: OSError"),
        (OSError("no number"), EXIT_BUG, "a bug: OSError"),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), EXIT_DATA, "'/x': Permission"),
        (OSError(errno.ENOSPC, "No space left on device", "/x"), EXIT_RUN, "free some space"),
        (RunError("out\nof memory", fix="buy\tmore"), EXIT_RUN, "out of memory"),
        (KeyboardInterrupt(), EXIT_INTERRUPTED, "type the same command again"),
    ],
)
def test_what_a_command_raises_becomes_a_code(
    error: BaseException, code: int, words: str, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("devbench.cli.ls._benchmarks", fail)
    said = command("ls", "benchmarks")
    said.err = said.err.lstrip("\n")  # click ends the line that shows ^C
    require_one_line_and_a_fix(said)
    assert words in said.err
    assert said.code == code


def test_a_command_alone_shows_what_it_wants(command: Command) -> None:
    for arguments in ([], ["data"]):
        said = command(*arguments)
        assert said.code == EXIT_USAGE
        assert "Usage: devbench" in said.err and "Traceback" not in said.err
    assert command("--help").code == EXIT_DONE


@pytest.mark.parametrize("name", group.COMMANDS)
def test_every_command_has_a_help_text(name: str, command: Command) -> None:
    said = command(name, "--help")
    assert said.code == EXIT_DONE
    assert said.out.startswith(f"Usage: devbench {name}") and said.err == ""
    said = command(name[:-1] + "x")
    assert f"'{name}'" in said.lines[1] or len(name) < 4


DOCUMENTED = {0, 2, 3, 4, 5, 6, 7, 9, 10}
WORDS = st.one_of(
    st.sampled_from(
        [*group.COMMANDS, "check", "info", "export", "sync", "methods", "runs", "devices",
         "baseline", "mics7", "--json", "--help", "--store", "--data", "--benchmark", "--set",
         "--method", "--fold", "--source", "--out", "--", "-", "", "--debug", "--format", "--v0",
         "--all", "k=v", "=", ":"]
    ),
    st.text(max_size=8).filter(lambda text: "\0" not in text),
)  # fmt: skip


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    first=st.sampled_from(["ls", "show", "verify", "leaderboard", "records", "data", ""]),
    rest=st.lists(WORDS, max_size=5),
)
def test_any_arguments_end_in_a_documented_code(
    first: str,
    rest: list[str],
    command: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = [first, *rest] if first else rest
    if not first and rest and rest[0] in ("doctor", "run", "track"):
        return  # they take long or make things; their mistakes are above
    said = command(*arguments)
    assert said.code in DOCUMENTED, said.err
    assert "a bug" not in said.err
    if "--debug" not in arguments:
        assert "Traceback" not in said.err
    assert all(c.isprintable() or c == "\n" for c in said.err)


def test_ctrl_c_ends_with_130_and_no_traceback(run_arguments: list[object], tmp_path: Path) -> None:
    import signal

    slow = tmp_path / "slow.py"
    slow.write_text("import time\ntime.sleep(60)\n")
    arguments = [*map(str, run_arguments), "--method", "slow", "--plugin", str(slow)]
    with subprocess.Popen(
        [sys.executable, "-m", "devbench", *arguments], stderr=subprocess.PIPE, text=True
    ) as child:
        time.sleep(1.5)
        child.send_signal(signal.SIGINT)
        assert child.stderr is not None
        err = child.stderr.read()
        assert child.wait(20) == EXIT_INTERRUPTED
    assert err.lstrip() == "devbench: interrupted\n  fix: type the same command again to continue\n"
