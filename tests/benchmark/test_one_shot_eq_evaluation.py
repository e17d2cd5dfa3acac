"""The repeated evaluation of one-shot EQ: its sound, its figures, its table, its command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from devbench.errors import DataError
from devbench_benchmarks.one_shot_eq import __main__ as command
from devbench_benchmarks.one_shot_eq import recordings, table
from devbench_benchmarks.one_shot_eq.speech import recording
from devbench_plugins.equalisation.recipes import BUDGETS
from devbench_plugins.equalisation.settings import Grids

RATE_HZ = 16_000


def voice(seed: int) -> Any:
    return recording(3.0, RATE_HZ, np.random.default_rng(seed))


def test_voices_are_repeatable_differ_and_pause() -> None:
    first, again, other = voice(1), voice(1), voice(2)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.shape == (3 * RATE_HZ,)
    for x in (first, other):
        assert 20 * np.log10(x.std()) == pytest.approx(-26, abs=4.5)
        frames_db = 10 * np.log10(np.square(x.reshape(-1, 320)).mean(axis=1))  # 20 ms
        assert 0.02 < np.mean(frames_db < frames_db.max() - 25) < 0.7


def test_voices_have_the_spectrum_of_voices() -> None:
    power = np.mean([np.abs(np.fft.rfft(voice(seed))) ** 2 for seed in range(3)], axis=0)
    freq_hz = np.fft.rfftfreq(3 * RATE_HZ, 1 / RATE_HZ)

    def level_db(low_hz: float, high_hz: float) -> float:
        return float(10 * np.log10(power[(freq_hz >= low_hz) & (freq_hz < high_hz)].mean()))

    assert level_db(150, 1000) > level_db(2000, 4000) > level_db(4000, 8000)
    assert level_db(150, 1000) > level_db(0, 60) + 10


def test_errors_are_none_for_the_truth_and_known_for_the_middle() -> None:
    grids = Grids.at(44_100)
    every = torch.arange(21)[:, None].expand(-1, 12)
    exact = table.figures_of(every, every, grids)
    assert set(exact.mean.values()) == {0.0}
    assert exact.response_db == exact.expected_response_db == 0
    middle = table.figures_of(torch.full_like(every, 10), every, grids)
    for band in ("low", "mid1", "mid2", "high"):
        assert middle.mean[f"gain {band}"] == pytest.approx(110 / 21)  # mean of |-10| .. |10|
    low_hz = 85 * 3 ** (torch.arange(21) / 20)
    error_hz = float((low_hz - low_hz[10]).abs().mean())
    assert middle.mean["frequency low"] == pytest.approx(error_hz, rel=1e-4)
    surer = table.figures_of(every[:1], every[:1], grids, expected=grids.values(every[10:11]))
    assert surer.response_db == 0 < surer.expected_response_db


def test_the_table_shows_what_is_published_for_this_length() -> None:
    rows = table.published(command.HERE / "published.csv")
    assert rows["learned", "low", "frequency", 3.0] == 48.1
    grids, every = Grids.at(44_100), torch.arange(21)[:, None].expand(-1, 12)
    figures = {"log": table.figures_of(every, every, grids)}
    short, long = (table.rendered(figures, rows, input_s).splitlines() for input_s in (3.0, 12.0))
    assert short[0].count("published") == 3
    assert short[2] == "| gain low, dB | 0.0 | 4.1 | 5.2 | 4.9 |"
    assert long[2] == "| gain low, dB | 0.0 | 5.3 |"
    assert len(short) == 2 + 12 + 2


@pytest.mark.parametrize("text", ["", "model,band\nproposed,low\n", None])
def test_a_damaged_table_of_published_errors_is_refused(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "published.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DataError, match="no table of published errors") as caught:
        table.published(path)
    assert "columns model" in caught.value.fix


def test_the_command_measures_once_and_then_remembers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recordings, "TRAIN_S", 0.8)
    monkeypatch.setattr(recordings, "TEST_S", 0.8)
    monkeypatch.setitem(BUDGETS, "quick", {"hop_ms": 20.0, "input_s": 0.8, "n_validation": 4})
    words = "--comparison spectrum --budget quick --steps 1 --pairs 4 --recordings 8 --input-s 1"
    words += f" --sample-rate-hz {RATE_HZ} --torch-device cpu --out {tmp_path}"
    assert command.main(words.split()) == 0
    first = capsys.readouterr()
    assert "step 1/1" in first.err
    assert "measured 4 of 4 pairs" in first.err
    assert "| setting | spectrum | 0 dB | random |" in first.out
    assert command.main(words.split()) == 0
    second = capsys.readouterr()
    assert second.out == first.out
    assert second.err == ""
    words += f" --published {tmp_path / 'missing.csv'}"
    assert command.main(words.split()) == 1
    assert "no table of published errors" in capsys.readouterr().err
