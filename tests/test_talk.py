"""What a run says: all on stderr, seldom when piped, on one live line on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from devbench import talk as talking
from devbench.talk import ConsoleTalk


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock()
    monkeypatch.setattr(talking, "time", clock)
    yield clock


def report(epoch: int) -> dict[str, object]:
    return {"epoch": epoch, "n_epochs": 100, "seconds": 2.0, "loss": 1.25, "val_macro_f1": 0.5}


def test_piped_it_says_a_line_every_few_seconds_and_the_last(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    talk = ConsoleTalk()
    talk.phase("fit")
    for epoch in range(1, 101):
        clock.now += 0.5
        talk.epoch(report(epoch))
    talk.close()
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert lines[0] == "fit ..."
    assert 10 <= len(lines) <= 13
    assert lines[-1] == (
        "fit: epoch 100 of 100, loss 1.250, source val macro F1 0.500, about 0 s left"
    )
    assert "\x1b" not in err and "\r" not in err
    first = next(line for line in lines if "epoch" in line)
    assert first == "fit: epoch 1 of 100, loss 1.250, source val macro F1 0.500, about 198 s left"


def test_progress_names_its_phase(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    talk = ConsoleTalk()
    talk.phase("features")
    for done in range(11):
        talk.progress(done, 10)
    talk.close()
    assert capsys.readouterr().err.splitlines() == [
        "features ...",
        "features: 0 of 10",
        "features: 10 of 10",
    ]


def test_on_a_terminal_one_line_lives(
    clock: Clock, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    talk = ConsoleTalk()
    talk.phase("features")
    clock.now += 1
    talk.progress(1, 10)
    talk.progress(2, 10)  # too soon after the last
    talk.phase("fit")
    talk.warn("something")
    talk.close()
    talk.close()
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "\r\x1b[2Kfeatures ...\r\x1b[2Kfeatures: 1 of 10\n\r\x1b[2Kfit ...\nwarning: something\n"
    )


def built(step: int, *, name: str = "gen") -> dict[str, object]:
    return {"name": name, "step": step, "n_steps": 1000, "first_step": 0, "seconds": 0.5 * step,
            "losses": {"cycle": 0.25, "critic": 1.5}}  # fmt: skip


def test_a_build_is_told_of_at_every_tenth_when_piped(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    talk = ConsoleTalk()
    for _ in range(2):  # a second build begins anew
        talk.phase("artifact gen")
        for step in range(1, 1001):
            clock.now += 0.5
            talk.artifact(built(step))
    talk.close()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 * 12
    assert lines[:12] == lines[12:]
    assert lines[1] == ("artifact gen: step 1 of 1000, cycle 0.250, critic 1.500, about 8 min left")
    assert lines[2].startswith("artifact gen: step 101 of 1000")
    assert lines[11].startswith("artifact gen: step 1000 of 1000")
    assert lines[11].endswith("about 0 s left")


def test_time_left_is_that_of_this_session(capsys: pytest.CaptureFixture[str]) -> None:
    ConsoleTalk().artifact(built(600) | {"first_step": 500, "seconds": 10.0})
    assert capsys.readouterr().err.endswith("about 40 s left\n")


def test_names_of_losses_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    ConsoleTalk().artifact(built(1) | {"losses": {"\x1b[2J": 1.0}})
    assert "\x1b" not in capsys.readouterr().err


def test_quiet_still_warns(capsys: pytest.CaptureFixture[str]) -> None:
    talk = ConsoleTalk(is_quiet=True)
    talk.phase("fit")
    talk.progress(10, 10)
    talk.epoch(report(100))
    talk.warn("observer mlflow failed")
    talk.close()
    assert capsys.readouterr().err == "warning: observer mlflow failed\n"


def test_words_of_others_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    ConsoleTalk().warn("observer said \x1b[2J\x9b1m\rdone")
    err = capsys.readouterr().err
    assert err.startswith("warning: observer said ")
    assert all(c.isprintable() or c == "\n" for c in err)
