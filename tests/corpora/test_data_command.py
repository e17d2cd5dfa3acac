from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from devbench.benchmark.load import load_benchmark
from devbench.cli.data import command
from devbench.errors import CheckError
from helpers.tables import Inputs


def call(*words: object) -> Result:
    return CliRunner().invoke(command, [str(word) for word in words])


@pytest.fixture
def built(inputs: Inputs, tmp_path: Path) -> Path:
    out = tmp_path / "data/tiny"
    result = call(
        "build", "--clips", inputs.clips, "--devices", inputs.devices, "--role", "core",
        "--out", out, "--name", "tiny", "--jobs", 1, "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["is_new"] is True
    assert "rendering: 0 of 4 clips" in result.stderr
    return out


def test_info_tells_what_a_corpus_is(built: Path) -> None:
    document = json.loads(call("info", built, "--json").stdout)
    assert document["n_clips"] == 8
    assert document["n_events"] == 4
    assert document["n_groups"] == 3
    assert document["classes"] == {"crackling-fire": 2, "dog": 2}
    assert document["total_s"] == pytest.approx(4.0)
    assert all(device["has_response"] for device in document["devices"])
    text = call("info", built).stdout
    assert document["fingerprint"] in text
    assert "simulated from measured responses" in text


def test_words_of_a_corpus_steer_no_terminal_and_make_no_lines(built: Path) -> None:
    n_lines = len(call("info", built).stdout.splitlines())
    path = built / "corpus.toml"
    text = path.read_text()
    for key, value in (
        ("licence", r"CC0\u009b2J\u0007"),
        ("citation", r"me\nprovenance   measured"),
    ):
        text = re.sub(f"^{key} = .*$", lambda _, k=key, v=value: f'{k} = "{v}"', text, flags=re.M)
    path.write_text(text)
    lines = call("info", built).stdout.splitlines()
    assert len(lines) == n_lines and all(line.isprintable() for line in lines)
    assert "citation     me provenance   measured" in lines


def test_check_ends_well_or_with_a_check_error(built: Path) -> None:
    result = call("check", built, "--jobs", 1)
    assert result.exit_code == 0
    assert "8 files: 0 errors, 0 warnings" in result.stdout
    next((built / "audio/mic-one-a").iterdir()).unlink()
    result = call("check", built, "--jobs", 1, "--json")
    assert isinstance(result.exception, CheckError)
    assert result.exception.exit_code == 9
    document = json.loads(result.stdout)
    assert document["n_errors"] == 1
    assert document["findings"][0]["kind"] == "missing-file"


def test_check_shows_ten_of_a_kind(built: Path, tmp_path: Path) -> None:
    for number in range(3):
        path = next((built / "audio/mic-one-a").iterdir())
        path.rename(tmp_path / f"{number}.flac")
    text = call("check", built, "--jobs", 1).stdout
    assert text.count("the file is missing") == 3


def test_import_takes_recordings_in(recordings: Path, tmp_path: Path) -> None:
    result = call(
        "import", "--manifest", recordings, "--out", tmp_path / "out", "--name", "mine",
        "--licence", "CC0", "--citation", "me", "--jobs", 1,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "4 events of 2 classes, recorded by 2 devices" in result.stdout
    result = call("check", tmp_path / "out", "--jobs", 1)
    assert result.exit_code == 0
    assert result.stdout.count("warning: ") == 1  # no responses


def test_mics7_is_a_whole_benchmark() -> None:
    benchmark = load_benchmark("mics7")
    assert benchmark.devices[0] == "phone-nexus-one-mic"
    assert (len(benchmark.classes), len(benchmark.devices)) == (10, 7)
    assert "simulated from measured responses" in benchmark.title
    assert {name: b.backbone for name, b in benchmark.budgets.items()} == {
        "quick": "small-cnn", "standard": "resnet18", "paper": "resnet50"
    }  # fmt: skip
