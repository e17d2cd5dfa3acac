"""devbench converter: lists, shows, exports and adds artifacts without loading a plugin."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from devbench.cli import group
from devbench.corpora.manifest import open_corpus
from devbench.errors import EXIT_DATA, EXIT_DONE, EXIT_UNKNOWN_NAME, EXIT_USAGE, UsageError
from devbench.plugin_kit.tiny import make_benchmark
from devbench.results.artifact import CorpusIdentity
from devbench.results.shelf import Shelf
from devbench.running.plan import Request
from helpers.artifacts import document_of, identity

Type = Callable[..., tuple[int, str, str]]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def command(store: Path, capsys: pytest.CaptureFixture[str]) -> Type:
    """Type a converter command; return its exit code and what it printed."""

    def type_it(*words: str, at: Path = store) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            group.run(["converter", *words, "--store", str(at)])
        out, err = capsys.readouterr()
        return int(str(ended.value.code or 0)), out, err

    return type_it


def test_an_empty_store_is_no_error(command: Type) -> None:
    code, out, _ = command("ls", "--json")
    assert code == EXIT_DONE
    assert all(row["origin"] == "shipped" for row in json.loads(out))


def test_ls_and_show(command: Type, store: Path) -> None:
    document, data = document_of()
    Shelf(store / "artifacts").publish(document, data)
    code, out, _ = command("ls")
    assert code == EXIT_DONE
    (row,) = (line for line in out.splitlines() if line.startswith(document.key[:12]))
    for words in ("level", "tiny 1", "phone, watch", "built", "2026-01-01 on cpu"):
        assert words in row
    code, out, _ = command("show", document.key[:8])
    assert code == EXIT_DONE
    assert document.key in out and document.sha256 in out and '{"n_steps":6}' in out
    table = [line.split() for line in out.splitlines() if line.startswith("      ")]
    assert 3 <= len(table) <= 12 and table[-1] == ["40", "0.025"]
    code, out, _ = command("show", document.key[:8], "--json")
    assert json.loads(out) == json.loads(document.to_json())


def test_export_and_add(command: Type, store: Path, tmp_path: Path) -> None:
    document, data = document_of()
    Shelf(store / "artifacts").publish(document, data)
    code, out, _ = command("export", document.key[:12], "--out", str(tmp_path / "out"))
    assert code == EXIT_DONE
    path = out.splitlines()[0]
    for words in ("joined", "was there already"):
        code, out, _ = command("add", path, at=tmp_path / "other")
        assert (code, out) == (EXIT_DONE, f"{document.key[:12]}  level  {words}\n")
    code, out, _ = command("ls", "--json", at=tmp_path / "other")
    assert [row["origin"] for row in json.loads(out) if row["origin"] != "shipped"] == ["added"]


def test_add_refuses_what_is_of_another_corpus_or_damaged(
    command: Type, store: Path, tiny_data: Path, tmp_path: Path
) -> None:
    benchmark = (
        "--benchmark",
        str(make_benchmark(tmp_path / "tiny.toml")),
        "--data",
        str(tiny_data),
    )
    own = CorpusIdentity(
        name="tiny", version=1, fingerprint=open_corpus(tiny_data / "tiny").fingerprint
    )
    files = []
    for found in (identity(corpus=own), identity()):
        document, data = document_of(found)
        path = tmp_path / f"{document.key[:8]}.json"
        path.write_bytes(document.to_json())
        path.with_suffix(".safetensors").write_bytes(data)
        files.append(str(path))
    code, _, err = command("add", *files, *benchmark)
    assert code == EXIT_DATA and "was made from corpus 'tiny' 1 (fingerprint" in err
    assert not (store / "artifacts").exists()  # all or none
    code, out, _ = command("add", files[0], *benchmark)
    assert code == EXIT_DONE and "joined" in out
    Path(files[1]).with_suffix(".safetensors").write_bytes(b"")
    code, _, err = command("add", files[1])
    assert code == EXIT_DATA and "is damaged" in err


def test_mistakes_end_in_one_line(command: Type) -> None:
    code, _, err = command("show", "level-of-none")
    assert code == EXIT_UNKNOWN_NAME and "devbench converter ls" in err
    code, _, err = command("shwo", "x")
    assert code == EXIT_UNKNOWN_NAME and "'show'" in err
    code, _, _ = command("export", "x")
    assert code == EXIT_USAGE
    code, _, err = command("train", "--method", "umc-reel")
    assert code == EXIT_UNKNOWN_NAME and "no method named" in err


def test_help_imports_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        group.run(["converter", "--help"])
    out = capsys.readouterr().out
    for name in ("train", "ls", "show", "export", "add", "evaluate"):
        assert f"\n  {name} " in out


def test_the_next_command_runs_what_was_trained(
    command: Type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pipeline.plan_run", "preparing.prepare"):
        monkeypatch.setattr(f"devbench.running.{name}", lambda *_, **__: ())
    given = ["--method", "mc-200", "--source", "phone", "--budget", "paper", "--fold", "1",
             "--benchmark", str(make_benchmark(tmp_path / "a b.toml")), "--set", "x=1",
             "--set", "y=2", "--plugin", "my file.py"]  # fmt: skip
    code, _, err = command("train", *given, "--retrain")
    assert code == EXIT_DONE
    words = shlex.split(err.splitlines()[-1].removeprefix("next: "))
    assert words[:2] == ["devbench", "run"]
    assert sorted(words[2:]) == sorted([*given, "--retrain"])


class Asked(Exception):
    """Carries the sources that were planned."""


def test_a_device_that_is_only_tested_is_no_source(
    command: Type, tmp_path: Path, tiny_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither among 'all', nor as the first one, nor by its name behind another."""
    devices = '["phone", "tablet", "watch"]\nunseen = ["phone"]'
    benchmark = str(make_benchmark(tmp_path / "tiny.toml", devices=devices))
    asked: list[object] = []

    def plan_run(request: Request, **_: object) -> None:
        asked.append(request.source)
        raise UsageError("enough", fix="none")

    def plan_sources(_: Request, sources: list[str], **__: object) -> None:
        asked.append(sources)
        raise UsageError("enough", fix="none")

    words = ("--method", "fr-shift-real", "--benchmark", benchmark, "--device", "cpu")
    code, _, err = command("evaluate", *words, "--source", "tablet", "--source", "phone",
                           "--data", str(tiny_data))  # fmt: skip
    assert code == EXIT_USAGE and "'phone'" in err and "unseen" in err
    monkeypatch.setattr("devbench.running.pipeline.plan_run", plan_run)
    monkeypatch.setattr("devbench.running.conversion.plan_sources", plan_sources)
    command("train", *words)
    command("evaluate", *words, "--source", "all")
    assert asked == ["tablet", ["tablet", "watch"]]
