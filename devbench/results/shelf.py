"""Where artifacts lie: a folder each in the store, and pairs of files that plugins ship.

A folder of the store without artifact.json is no artifact: that file is the last to appear.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from devbench.errors import DataError, UnknownNameError
from devbench.files import publish, read_bytes
from devbench.registry import installed
from devbench.results.artifact import (
    ArtifactDocument,
    Identity,
    Origin,
    parse_document,
    read_pair,
)

DOCUMENT, WEIGHTS = "artifact.json", "weights.safetensors"
SHIPPED_FOLDER = "shipped"
SHIPPED_FIX = "install the plugin again, or learn it here: --retrain"
_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Shelved:
    """A document, where its tensors lie, and how it came there."""

    document: ArtifactDocument
    weights: Path
    origin: Origin
    path: Path
    fix: str

    def read(self) -> bytes:
        """Return the tensors' bytes after checking their hash."""
        return read_pair(self.path, self.weights, fix=self.fix)[1]


class Shelf:
    """The artifacts of one store. folder: `<store>/artifacts`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def place(self, key: str) -> Path:
        """Return the folder of an artifact, whether it is there or not."""
        assert _KEY.fullmatch(key)
        return self.folder / key

    def has(self, key: str) -> bool:
        """Return whether an artifact with that key was published."""
        return (self.place(key) / DOCUMENT).exists()

    def get(self, key: str) -> Shelved:
        """Return a published artifact; DataError where its document is damaged."""
        folder = self.place(key)
        path = folder / DOCUMENT
        fix = (
            f"delete the folder {str(folder)!r} and type the command again, or: "
            "devbench converter train --method METHOD --retrain"
        )
        try:
            data = read_bytes(path)
        except DataError as error:
            raise DataError(error.what, fix=fix) from error
        document = parse_document(data, origin=str(path), fix=fix)
        if document.key != key:
            raise DataError(f"{path} is the document of another artifact", fix=fix)
        return Shelved(document, folder / WEIGHTS, document.origin, path, fix)

    def keys(self) -> list[str]:
        """Return the keys of all published artifacts, sorted."""
        try:
            paths = sorted(self.folder.iterdir())
        except FileNotFoundError:
            return []
        return [p.name for p in paths if _KEY.fullmatch(p.name) and self.has(p.name)]

    def all(self, warn: Callable[[str], None]) -> Iterator[Shelved]:
        """Yield readable artifacts; say of the others why they are skipped."""
        for key in self.keys():
            try:
                yield self.get(key)
            except DataError as error:
                warn(f"skipped an artifact: {error.what}")

    def publish(self, document: ArtifactDocument, weights: bytes, *, replace: bool = False) -> None:
        """Write the tensors, then the document; the first writer wins unless replace is set."""
        folder = self.place(document.key)
        if replace:
            (folder / DOCUMENT).unlink(missing_ok=True)  # no artifact while its files change
        publish(folder / WEIGHTS, weights, replace=not self.has(document.key))
        publish(folder / DOCUMENT, document.to_json(), replace=replace)

    def remove(self, key: str) -> None:
        """Take an artifact away: first its document, then the rest."""
        (self.place(key) / DOCUMENT).unlink(missing_ok=True)
        shutil.rmtree(self.place(key), ignore_errors=True)


def shipped_in(package: Path) -> list[Shelved]:
    """Return what lies in a package's folder of shipped artifacts; DataError for a damaged one."""
    found = []
    for path in sorted((package / SHIPPED_FOLDER).glob("*.json")):
        try:
            data = read_bytes(path)
        except DataError as error:
            raise DataError(error.what, fix=SHIPPED_FIX) from error
        document = parse_document(data, origin=str(path), fix=SHIPPED_FIX)
        weights = path.with_suffix(".safetensors")
        found.append(Shelved(document, weights, "shipped", path, SHIPPED_FIX))
    return found


def best_shipped(package: Path, wanted: Identity) -> Shelved | None:
    """Return the shipped artifact that fits best: of the same corpus and code, if there is one."""
    fitting = [item for item in shipped_in(package) if item.document.identity.fits(wanted)]

    def strangeness(item: Shelved) -> tuple[bool, bool, str]:
        identity = item.document.identity
        return (
            identity.corpus != wanted.corpus,
            identity.code_sha256 != wanted.code_sha256,
            item.path.name,
        )

    return min(fitting, key=strangeness, default=None)


def package_folders(module: str) -> list[Path]:
    """Return the folders of the top-level package of a module; nothing is imported."""
    try:
        spec = importlib.util.find_spec(module.partition(".")[0])
    except (ImportError, ValueError):
        return []
    return [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []


def find_one(text: str, items: list[Shelved]) -> Shelved:
    """Return the one artifact whose key begins with text (4 digits or more), or of that name."""
    matches = [
        item
        for item in items
        if item.document.name == text or (len(text) >= 4 and item.document.key.startswith(text))
    ]
    if len({item.document.key for item in matches}) != 1:
        keys = ", ".join(sorted({item.document.key[:12] for item in matches})[:8])
        many = f"{text[:64]!r} names several artifacts: {keys}"
        raise UnknownNameError(
            many if matches else f"no artifact {text[:64]!r}",
            fix="give the first digits of a key" if matches else "list them: devbench converter ls",
        )
    return matches[0]


def installed_shipped(warn: Callable[[str], None]) -> list[Shelved]:
    """Return what the packages of all installed methods ship; nothing is imported.

    A package with a damaged file is skipped, and `warn` hears why.
    """
    modules = {ref.value.partition(":")[0] for refs in installed("method").values() for ref in refs}
    tops = sorted({module.partition(".")[0] for module in modules})
    found: list[Shelved] = []
    for package in (folder for top in tops for folder in package_folders(top)):
        try:
            found += shipped_in(package)
        except DataError as error:
            warn(f"skipped shipped artifacts: {error.what} (fix: {error.fix})")
    return found


def export_pair(item: Shelved, out: Path) -> Path:
    """Write an artifact as two files that can be shipped or added; return the document's path."""
    document, weights = item.document, item.read()
    path = out / f"{document.name}-{document.key[:8]}.json"
    for file, data in ((path.with_suffix(".safetensors"), weights), (path, document.to_json())):
        if file.exists() and file.read_bytes() != data:
            raise DataError(f"{str(file)!r} exists with other content", fix="give another --out")
        publish(file, data)
    return path


def read_handed(path: Path) -> tuple[ArtifactDocument, bytes]:
    """Return the document in a file and the tensors beside it, checked."""
    if path.suffix != ".json":
        raise DataError(
            f"{str(path)!r} is no document of an artifact",
            fix="give the .json file; the .safetensors file lies beside it",
        )
    return read_pair(path, path.with_suffix(".safetensors"), fix="get both files again")


def join(shelf: Shelf, document: ArtifactDocument, weights: bytes) -> bool:
    """Let an artifact from elsewhere join a store; False when the same one is there already."""
    if shelf.has(document.key):
        there = shelf.get(document.key)
        if there.document.sha256 != document.sha256:
            raise DataError(
                f"artifact {document.key[:12]} is in the store with other tensors",
                fix=f"keep it, or delete {str(shelf.place(document.key))!r} and add this one",
            )
        return False
    shelf.publish(document.model_copy(update={"origin": "added"}), weights)
    return True
