"""Folders that a method is given by an option: named by their content, staged as copies.

A plan says what was in a folder, not where it lay; the training process reads the copy in its
scratch folder and nothing beside it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from devbench.contract.options import FOLDER, Value
from devbench.errors import DataError
from devbench.files import canonical_json, sha256_bytes, sha256_file

if TYPE_CHECKING:
    from devbench.contract.values import Clip

STAGED = "folders"
"""Name of the folder in the scratch folder that holds them, one for each option."""
MAX_FILES, MAX_BYTES = 10_000, 2 * 2**30


def given(options: Mapping[str, Value], types: Mapping[str, str]) -> dict[str, Path]:
    """Return the folders whose paths were given among options; types: theirs, by name."""
    return {
        name: Path(str(value).removeprefix(FOLDER))
        for name, value in options.items()
        if types[name] == "folder" and value != FOLDER
    }


def named_by_content(options: Mapping[str, Value], folders: Mapping[str, Path]) -> dict[str, Value]:
    """Return options with the hash of its content in the place of each folder's path."""
    return {**options, **{name: FOLDER + content_sha256(path) for name, path in folders.items()}}


def staged_options(options: Mapping[str, Value], folders: Iterable[str]) -> dict[str, Value]:
    """Return a plan's options with the staged copy in the place of each folder's hash."""
    return {**options, **{name: f"{FOLDER}{STAGED}/{name}" for name in folders}}


def content_sha256(folder: Path) -> str:
    """Return the hash of the names and contents of all files below a folder."""
    return sha256_bytes(canonical_json({n: sha256_file(p) for n, p in _files(folder).items()}))


def refuse_clips(folders: Mapping[str, Path], clips: Iterable[Clip]) -> None:
    """Raise DataError where a folder holds a clip of the corpus: tested clips would come in so."""
    known = {clip.sha256: clip for clip in clips}
    for name, folder in folders.items():
        for relative, path in _files(folder).items():
            if clip := known.get(sha256_file(path)):
                raise DataError(
                    f"{relative!r} in the folder of option {name!r} is clip {clip.clip_id!r} of "
                    f"{clip.device!r} in the corpus",
                    fix="give a folder that has nothing to do with the corpus",
                )


def stage_folders(folders: Mapping[str, Path], planned: Mapping[str, Value], scratch: Path) -> None:
    """Copy folders into scratch; planned: the plan's options, by which the copies are checked."""
    shutil.rmtree(scratch / STAGED, ignore_errors=True)
    for name, folder in folders.items():
        copy = scratch / STAGED / name
        for relative, path in _files(folder).items():
            (copy / relative).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy / relative)
        if FOLDER + content_sha256(copy) != planned[name]:
            raise DataError(
                f"the folder of option {name!r}, {str(folder)!r}, changed while it was read",
                fix="let it come to rest and type the same command again",
            )


def _files(folder: Path) -> dict[str, Path]:
    """Return the regular files below a folder by relative name; links and hidden files are none."""
    if not folder.is_dir():
        raise DataError(
            f"{str(folder)!r} is no folder", fix="give the path of a folder: --set NAME=PATH"
        )
    found: dict[str, Path] = {}
    n_bytes = 0
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_symlink() or not path.is_file():
            continue
        if any(part.startswith(".") for part in relative.parts):
            continue
        found[relative.as_posix()] = path
        n_bytes += path.stat().st_size
        if len(found) > MAX_FILES or n_bytes > MAX_BYTES:
            raise DataError(
                f"{str(folder)!r} holds more than {MAX_FILES} files or {MAX_BYTES >> 30} GiB",
                fix="give a folder that holds what the method needs and no more",
            )
    if not found:
        raise DataError(f"there is no file in {str(folder)!r}", fix="give the folder that has them")
    return found
