"""A benchmark made for a corpus: it reads back, its split is proved, its folds are the corpus's."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from click.testing import CliRunner

from devbench.benchmark.load import load_benchmark
from devbench.benchmark.splits import assign, require_sound, select
from devbench.cli.data import command
from devbench.contract.values import Clip
from devbench.corpora.benchmarking import benchmark_for, benchmark_toml
from devbench.corpora.header import CorpusHeader
from devbench.corpora.manifest import Corpus
from devbench.errors import ConfigurationError, DataError, UsageError
from devbench.plugin_kit.tiny import make_corpus

DEVICES = ("phone", "tablet", "watch")


def corpus(n_events: int = 12, n_folds: int = 0, rate_hz: int = 22_050) -> Corpus:
    header = CorpusHeader.model_validate(
        {"name": "mine", "version": 1, "title": 'a "quoted" title', "provenance": "measured",
         "licence": "CC0", "citation": "me", "sample_rate_hz": rate_hz,
         "devices": [{"id": d, "label": d, "kind": "phone", "sample_rate_hz": rate_hz,
                      "provenance": "measured"} for d in DEVICES]}
    )  # fmt: skip
    clips = tuple(
        Clip(f"{d}{label}{n}", f"{label}{n}", d, label, "x.wav", "0" * 64, rate_hz,
             f"{label}{n}", 1 + n % n_folds if n_folds else 0)
        for d in DEVICES for label in ("dog", "door") for n in range(n_events)
    )  # fmt: skip
    return Corpus(Path("mine"), header, clips, "0" * 64)


@pytest.mark.parametrize(("n_folds", "scheme"), [(0, "hash"), (2, "official"), (5, "folds")])
@pytest.mark.parametrize("rate_hz", [8000, 16_000, 22_050, 44_100, 48_000, 96_000])
def test_it_reads_back_and_fits_its_corpus(
    n_folds: int, scheme: str, rate_hz: int, tmp_path: Path
) -> None:
    mine = corpus(20, n_folds, rate_hz)
    made = benchmark_for(mine, "mine")
    (tmp_path / "mine.toml").write_text(benchmark_toml(made))
    read = load_benchmark(str(tmp_path / "mine.toml"))
    assert read == made and read.sha256 == made.sha256
    assert made.splits.scheme == scheme
    assert made.splits.convert_order == "shuffled"
    assert made.features.sample_rate_hz == rate_hz
    assert 0.02 < made.features.n_fft / rate_hz < 0.08  # a window of the papers' length
    clips = select(mine.clips, made)
    require_sound(clips, assign(clips, made.splits), made)


def test_unseen_devices_are_named(tmp_path: Path) -> None:
    made = benchmark_for(corpus(), "mine", unseen=["watch"])
    (tmp_path / "mine.toml").write_text(benchmark_toml(made))
    assert load_benchmark(str(tmp_path / "mine.toml")).sources == ["phone", "tablet"]
    with pytest.raises(ConfigurationError, match="'clock' is no device"):
        benchmark_for(corpus(), "mine", unseen=["clock"])


def test_too_few_events_are_refused() -> None:
    with pytest.raises(DataError, match="has no val clip of class 'dog'"):
        benchmark_for(corpus(3), "mine")
    mine = corpus()
    kept = tuple(c for c in mine.clips if (c.device, c.label) != ("watch", "dog"))
    with pytest.raises(DataError, match="'watch' has no train clip of class 'dog'"):
        benchmark_for(dataclasses.replace(mine, clips=kept), "mine")


def test_the_command_says_where_runs_look_for_the_corpus(tmp_path: Path) -> None:
    folder = make_corpus(tmp_path / "my data" / "other").folder
    words = ["benchmark", str(folder), "--out", str(tmp_path / "my.toml")]
    said = CliRunner().invoke(command, words, catch_exceptions=False).output
    assert "DATA/tiny: rename its folder, 'other'" in said
    assert f"--data '{tmp_path}/my data'" in said


def test_the_command_does_not_overwrite(tmp_path: Path) -> None:
    out = tmp_path / "mine.toml"
    out.write_text("mine")
    for words, message in (([out], "is there already"), ([tmp_path / "x.txt"], "no .toml file")):
        with pytest.raises(UsageError, match=message):
            CliRunner().invoke(
                command, ["benchmark", str(tmp_path), "--out", *map(str, words)],
                catch_exceptions=False,
            )  # fmt: skip
    assert out.read_text() == "mine"
