"""`devbench convert` and `converter evaluate`: what they print, write and refuse."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from devbench.errors import (
    EXIT_DATA,
    EXIT_DONE,
    EXIT_PLUGIN,
    EXIT_UNKNOWN_NAME,
    EXIT_USAGE,
)
from devbench.plugin_kit.tiny import make_benchmark
from devbench.results.conversion import REFERENCES, parse_conversion
from helpers.commands import Command, Said, calling

pytestmark = pytest.mark.usefixtures("module_without_workers")

CONVERTERS = Path(__file__).parents[1] / "running" / "converters"


@pytest.fixture
def command(
    capsys: pytest.CaptureFixture[str], tiny_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Command:
    """Return a function that runs a command on the tiny corpus; all share one store."""
    folder = tmp_path_factory.getbasetemp() / "converter-cli"
    folder.mkdir(exist_ok=True)
    benchmark = make_benchmark(folder / "tiny.toml")

    run = calling(capsys)

    def call(*arguments: object) -> Said:
        shared = ["--benchmark", benchmark, "--data", tiny_data, "--store", folder / "store",
                  "--device", "cpu", "--threads", 1]  # fmt: skip
        said = run(*arguments, *shared)
        assert "Traceback" not in said.err
        return said

    return call


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "in.wav"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, (9001, 2)), 16_000)
    return path


EQUALISER = ("--method", "equaliser", "--plugin", CONVERTERS / "equaliser.py")
PAIR = ("--from", "phone", "--to", "watch")


def test_a_sound_is_converted_and_described(command: Command, sound: Path) -> None:
    out = sound.with_name("out.flac")
    said = command("convert", sound, *PAIR, "--out", out, *EQUALISER)
    assert said.code == EXIT_DONE, said.err
    first, second = said.out.splitlines()
    assert first.endswith("0.56 s, 2 channels, 16000 Hz, FLAC PCM_16, as watch by equaliser")
    assert second.startswith("mean gain from ") and second.endswith("Hz")
    assert soundfile.info(out).frames == 9001
    again = command("convert", sound, *PAIR, "--out", out, *EQUALISER)
    assert again.code == EXIT_USAGE and "is there already" in again.err
    told = command("convert", sound, *PAIR, "--out", out, *EQUALISER, "--force", "--json")
    document = json.loads(told.out)
    assert (document["to"], document["n_samples"], document["scaled_db"]) == ("watch", 9001, 0)
    assert len(document["mean_gain_db"]) == len(document["bin_hz"]) == 24


def test_mistakes_end_in_one_line_and_leave_nothing(command: Command, sound: Path) -> None:
    folder = sound.parent
    nan = folder / "nan.wav"
    soundfile.write(nan, np.full(9000, np.nan), 8000, subtype="FLOAT")
    (folder / "text.wav").write_text("no sound")
    out = folder / "out.wav"
    cases = [
        ((folder / "none.wav", *PAIR, "--out", out, *EQUALISER), EXIT_DATA, "no sound file"),
        ((folder / "text.wav", *PAIR, "--out", out, *EQUALISER), EXIT_DATA, "be decoded"),
        ((nan, *PAIR, "--out", out, *EQUALISER), EXIT_DATA, "NaN or infinite samples"),
        ((sound, *PAIR, "--out", folder / "no" / "o.wav", *EQUALISER), EXIT_DATA, "no folder"),
        ((sound, *PAIR, "--out", folder / "o.ogg", *EQUALISER), EXIT_USAGE, ".ogg"),
        ((sound, "--from", "phone", "--to", "wotch", "--out", out), EXIT_UNKNOWN_NAME, "'watch'"),
        ((sound, "--from", "watch", "--to", "watch", "--out", out), EXIT_USAGE, "two devices"),
        ((sound, *PAIR, "--out", out, "--method", "none"), EXIT_UNKNOWN_NAME, "no method"),
        ((sound, *PAIR, "--out", out, "--method", "baseline"), EXIT_PLUGIN, "converts no clips"),
    ]
    before = sorted(folder.rglob("*"))
    for arguments, code, words in cases:
        said = command("convert", *arguments)
        assert (said.code, said.out) == (code, ""), (arguments, said.err)
        lines = said.err.splitlines()
        assert words in said.err and lines[-1].startswith("  fix: ") and len(lines[-1]) > 10
    assert sorted(folder.rglob("*")) == before


def test_an_evaluation_is_printed_and_written(command: Command, tmp_path: Path) -> None:
    said = command("converter", "evaluate", *EQUALISER, "--source", "phone", "--per-band",
                   "--out", tmp_path / "out", "--split", "val")  # fmt: skip
    assert said.code == EXIT_DONE, said.err
    lines = said.out.splitlines()
    assert lines[0].startswith("tiny, val events: 2 pairs, 6 clips")
    assert lines[1].split() == ["mean", "abs", "RMS", "of", "fr-shift"]
    assert [line.split()[0] for line in lines[2:7]] == [*REFERENCES, "equaliser"]
    assert lines[3].split()[-1] == "1.000"
    assert lines[9].split() == ["tablet", "watch"]
    assert len(lines) == 15 + 3 + 24  # two tables, a line, a heading, a header, 24 bands
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "bands.csv", "bands.png", "bands.svg", "conversion.csv", "conversion.json",
        "example-equaliser-phone.png", "example-equaliser-phone.svg",
    ]  # fmt: skip
    written = parse_conversion(tmp_path / "out" / "conversion.json")
    assert f"{written.rows[4].mean_abs_db:.2f}" in lines[6]


def test_what_an_evaluation_cannot_do_is_said_first(command: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cases = [
        (("--method", "ideal", "--source", "phone"), EXIT_PLUGIN, "converts no clips"),
        ((*EQUALISER, "--source", "fone"), EXIT_UNKNOWN_NAME, "'phone'"),
        ((*EQUALISER, "--source", "phone", "--target", "x"), EXIT_UNKNOWN_NAME, "no device"),
        ((*EQUALISER, "--source", "phone", "--target", "phone"), EXIT_USAGE, "no target"),
        ((*EQUALISER, "--source", "phone", "--source", "phone"), EXIT_USAGE, "twice"),
        ((*EQUALISER, "--method", "ideal", "--source", "all", "--set", "a=1"), EXIT_USAGE, "--set"),
        (("--method", "ideal", "--plugin", "x.py", "--source", "all"), EXIT_USAGE, "installed"),
        ((*EQUALISER, "--source", "all", "--out", tmp_path / "file" / "x"), EXIT_DATA, "write"),
    ]
    for arguments, code, words in cases:
        said = command("converter", "evaluate", *arguments)
        assert (said.code, said.out) == (code, ""), (arguments, said.err)
        assert words in said.err and "  fix: " in said.err
