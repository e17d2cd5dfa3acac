from __future__ import annotations

import contextlib
import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from devbench.errors import DataError
from devbench.results.logits import (
    METADATA_KEY,
    StoredLogits,
    assemble_logits,
    read_logits,
    write_logits,
)
from helpers.records import CLASSES, DEVICES, make_run

RUN = make_run()
TESTS = str(Path(__file__).parents[1])


def changed(**changes: Any) -> StoredLogits:
    return dataclasses.replace(RUN.stored, **changes)


def test_what_is_written_is_read() -> None:
    found = read_logits(RUN.logits, origin="here")
    assert (found.devices, found.classes) == (DEVICES, CLASSES)
    assert found.labels() == RUN.stored.labels()
    assert (found.logits == RUN.stored.logits).all()
    assert write_logits(found) == RUN.logits


def test_equal_logits_are_equal_bytes_in_every_process() -> None:
    code = (
        f"import sys; sys.path.insert(0, {TESTS!r})\n"
        "from helpers.records import make_run; print(make_run().record.logits_sha256)"
    )
    for seed in ("1", "2"):
        out = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            check=True,
            text=True,
            env={"PYTHONHASHSEED": seed, "PATH": ""},
        )
        assert out.stdout.strip() == RUN.record.logits_sha256


def test_rows_are_sorted_by_device_and_event_whatever_the_order_of_predictions() -> None:
    labels = RUN.stored.labels()
    rows = dict(zip(RUN.stored.rows(), RUN.stored.logits, strict=True))
    shuffled = {key: rows[key] for key in sorted(rows, key=lambda key: hash(key[1] + key[0]))}
    made = assemble_logits(devices=DEVICES, classes=CLASSES, labels=labels, logits=shuffled)
    assert write_logits(made) == RUN.logits


def test_missing_and_extra_predictions_are_refused() -> None:
    labels = RUN.stored.labels()
    rows = dict(zip(RUN.stored.rows(), RUN.stored.logits, strict=True))
    first = next(iter(rows))
    few = {key: row for key, row in rows.items() if key != first}
    for wrong in (few, rows | {("iphone14", "other"): rows[first]}):
        with pytest.raises(DataError, match="not predicted"):
            assemble_logits(devices=DEVICES, classes=CLASSES, labels=labels, logits=wrong)


def nan_logits() -> Any:
    logits = RUN.stored.logits.copy()
    logits[3, 1] = np.nan
    return logits


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"logits": RUN.stored.logits[:-1]}, "shape"),
        ({"logits": RUN.stored.logits.astype(np.float64)}, "float64"),
        ({"logits": nan_logits()}, "finite"),
        ({"label": RUN.stored.label + 1}, "label runs"),
        ({"label": RUN.stored.label - 1}, "label runs"),
        ({"device": RUN.stored.device.astype(np.int32)}, "int32"),
        ({"event": RUN.stored.event[::-1].copy()}, "do not rise"),
        ({"event": np.zeros_like(RUN.stored.event)}, "do not rise"),
        ({"events": RUN.stored.events[::-1]}, "sorted"),
        ({"events": (*RUN.stored.events, "z")}, "an event has no rows"),
        ({"devices": (*DEVICES, "z")}, "a device has no rows"),
        ({"devices": ("a", "a", "b")}, "devices repeat"),
        ({"label": np.array([], dtype=np.int64)}, "no rows"),
    ],
)
def test_logits_that_contradict_themselves_are_refused(changes: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        changed(**changes)


def rewritten(metadata: dict[str, str] | None = None, **tensors: Any) -> bytes:
    lists = {name: list(getattr(RUN.stored, name)) for name in ("devices", "classes", "events")}
    metadata = {METADATA_KEY: json.dumps(lists)} if metadata is None else metadata
    return bytes(save(load(RUN.logits) | tensors, metadata=metadata))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"12345678",
        b"\xff" * 100,
        RUN.logits[:-1],
        RUN.logits + b"0",
        rewritten({}),
        rewritten({"other": "1"}),
        rewritten({METADATA_KEY: "{}"}),
        rewritten({METADATA_KEY: '{"devices": [], "classes": [], "events": 3}'}),
        rewritten({METADATA_KEY: '{"devices": [1], "classes": [], "events": []}'}),
        rewritten({METADATA_KEY: "[]"}),
        rewritten(more=np.zeros(3, np.float32)),
        rewritten(label=np.array(3)),
        (2).to_bytes(8, "little") + b"[]" + b"0" * 8,
    ],
)
def test_files_that_are_no_logits_are_refused(data: bytes) -> None:
    with pytest.raises(DataError, match="here"):
        read_logits(data, origin="here")


@given(place=st.integers(0, len(RUN.logits) - 1), bit=st.integers(0, 7))
@settings(max_examples=300, deadline=None)
def test_a_flipped_bit_never_ends_in_another_error(place: int, bit: int) -> None:
    data = bytearray(RUN.logits)
    data[place] ^= 1 << bit
    with contextlib.suppress(DataError):
        read_logits(bytes(data), origin="here")


def test_scores_of_a_run_with_one_classifier_per_target_have_no_source() -> None:
    run = make_run(per_target=True)
    assert [score.role for score in run.stored.scores(source="iphone14")] == ["target", "target"]
