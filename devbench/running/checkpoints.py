"""Tensors on disk during a run: safetensors beside JSON with its hash; the last two are kept."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save

from devbench.errors import DataError
from devbench.files import pretty_json, publish, read_bytes, read_json, sha256_bytes

KEPT = 2


def tensors_to_bytes(tensors: dict[str, torch.Tensor]) -> bytes:
    """Return named tensors as safetensors bytes; equal tensors give equal bytes."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in sorted(tensors.items())}
    return bytes(save(plain))


def tensors_from_file(path: Path, sha256: str) -> dict[str, torch.Tensor]:
    """Return the named tensors in a file whose hash must be sha256."""
    data = read_bytes(path)
    if sha256_bytes(data) != sha256:
        raise DataError(
            f"{path}: hash {sha256_bytes(data)[:12]}… where {sha256[:12]}… was stored",
            fix="the file is damaged: run the same command with --force",
        )
    tensors: dict[str, torch.Tensor] = load(data)
    return tensors


def write_checkpoint(
    folder: Path, epoch: int, tensors: dict[str, torch.Tensor], state: dict[str, Any]
) -> None:
    """Write the checkpoint of an epoch whole, then drop all but the newest two."""
    data = tensors_to_bytes(tensors)
    stem = f"epoch-{epoch:06d}"
    publish(folder / f"{stem}.safetensors", data, replace=True)
    document = {"epoch": epoch, "sha256": sha256_bytes(data), "state": state}
    publish(folder / f"{stem}.json", pretty_json(document), replace=True)
    for old in _oldest_first(folder)[:-KEPT]:
        old.unlink(missing_ok=True)
        old.with_suffix(".safetensors").unlink(missing_ok=True)


def newest_checkpoint(
    folder: Path,
) -> tuple[int, dict[str, torch.Tensor], dict[str, Any]] | None:
    """Return (epoch, tensors, state) of the newest whole checkpoint; damaged ones are skipped."""
    for path in reversed(_oldest_first(folder)):
        with contextlib.suppress(DataError):
            document = read_json(path)
            tensors = tensors_from_file(path.with_suffix(".safetensors"), document["sha256"])
            return int(document["epoch"]), tensors, document["state"]
    return None


def _oldest_first(folder: Path) -> list[Path]:
    """Return the documents in order of their numbers, which may outgrow their zeros."""
    return sorted(folder.glob("epoch-*.json"), key=lambda path: int(path.stem.partition("-")[2]))
