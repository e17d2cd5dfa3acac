"""Whole runs of the check: a run must not feel what it may not see, and keeps what it may."""

from __future__ import annotations

from pathlib import Path

import pytest

from devbench.corpora.manifest import open_corpus
from devbench.plugin_kit.full import N_MELS, SOURCE, Quiet, make_spoiled
from devbench.plugin_kit.tiny import make_benchmark
from devbench.running.pipeline import plan_run
from devbench.running.plan import Request

OF_SOURCE = {(SOURCE, "train"), (SOURCE, "val")}


@pytest.mark.usefixtures("without_workers")
@pytest.mark.parametrize(
    ("method", "backbone", "expected"),
    [
        ("baseline", "small-cnn", OF_SOURCE),
        ("baseline", "ast-mae", OF_SOURCE | {(SOURCE, "convert")}),
        (
            "ltas-shift",
            "small-cnn",
            OF_SOURCE | {(device, "convert") for device in ("phone", "tablet", "watch")},
        ),
    ],
)
def test_clips_that_a_run_may_see_are_kept_and_no_others(
    method: str,
    backbone: str,
    expected: set[tuple[str, str]],
    tiny_data: Path,
    tmp_path: Path,
) -> None:
    benchmark = make_benchmark(tmp_path / "tiny.toml", n_mels=N_MELS)
    request = Request(
        method=method, source=SOURCE, benchmark=str(benchmark), backbone=backbone, threads=1,
        device="cpu",
    )  # fmt: skip
    planned = plan_run(request, data=tiny_data, store=tmp_path / "store", talk=Quiet())
    make_spoiled(tmp_path / "spoiled", planned)
    before = {clip.clip_id: clip.sha256 for clip in planned.corpus.clips}
    now = open_corpus(tmp_path / "spoiled").clips
    is_kept: dict[tuple[str, str], set[bool]] = {}
    for clip in now:
        where = (clip.device, planned.split_of[clip.event_id])
        is_kept.setdefault(where, set()).add(before[clip.clip_id] == clip.sha256)
    assert {where for where, found in is_kept.items() if found == {True}} == expected
    assert all(len(found) == 1 for found in is_kept.values())
    assert len(now) == len(before)
