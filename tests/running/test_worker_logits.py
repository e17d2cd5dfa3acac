"""What a worker hands over is read as reported, or refused; its header is not believed."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from devbench.errors import RunError
from devbench.files import sha256_bytes
from devbench.running.worker_logits import read_worker_logits

SHAPE = (4, 3)


def saved(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def claiming(shape: tuple[int, ...], descr: str = "<f4") -> bytes:
    """Return a file whose header says so, over the numbers of four clips."""
    buffer = io.BytesIO()
    header = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(buffer, header)  # type: ignore[arg-type]
    return buffer.getvalue() + bytes(48)


def zipped() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, logits=np.zeros(SHAPE, np.float32))
    return buffer.getvalue()


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., np.ndarray]:
    def reading(data: bytes, sha256: str | None = None) -> np.ndarray:
        path = tmp_path / "logits.npy"
        path.write_bytes(data)
        return read_worker_logits(path, sha256=sha256 or sha256_bytes(data), shape=SHAPE)

    return reading


def test_what_was_reported_is_read(read: Callable[..., np.ndarray]) -> None:
    logits = np.arange(12, dtype=np.float32).reshape(SHAPE)
    for array in (logits, np.asfortranarray(logits)):
        found = read(saved(array))
        assert type(found) is np.ndarray and np.array_equal(found, logits)


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "cannot be read"),
        (b"no array", "cannot be read"),
        (zipped(), "cannot be read"),
        (saved(np.array([{}] * 12, dtype=object)), "cannot be read"),
        (claiming((2**40, 3)), "cannot be read"),
        (claiming((2**62, 2**62)), "cannot be read"),
        (claiming((-1, 3)), "cannot be read|are"),
        (claiming((0, 3)), "cannot be read|are"),
        (claiming((3, 4)), r"predictions are \(3, 4\) float32, expected \(4, 3\)"),
        (claiming(SHAPE, "<i4"), "int32"),
        (saved(np.full(SHAPE, np.nan, np.float32)), "NaN"),
    ],
    ids=lambda value: repr(value[:9]),
)
def test_anything_else_is_refused_in_one_line(
    read: Callable[..., np.ndarray], data: bytes, words: str
) -> None:
    with pytest.raises(RunError, match=words) as caught:
        read(data)
    assert "\n" not in caught.value.what and caught.value.state in ("invalid", "nan")


def test_a_file_that_changed_after_it_was_reported_is_refused(
    read: Callable[..., np.ndarray],
) -> None:
    with pytest.raises(RunError, match="changed after"):
        read(saved(np.zeros(SHAPE, np.float32)), sha256="0" * 64)
