"""What code a result depends on: a module's file and all that it reaches by relative imports."""

from __future__ import annotations

import ast
import hashlib
from pathlib import Path


def code_sha256(path: Path) -> str:
    """Return the hash of a module's file and of all it imports from its own package by `from .`."""
    seen: dict[Path, bytes] = {}
    waiting = [path]
    while waiting:
        file = waiting.pop()
        if file in seen or not file.is_file():
            continue
        seen[file] = file.read_bytes()
        waiting += _relative_imports(file, seen[file])
    digest = hashlib.sha256()
    for data in sorted(hashlib.sha256(data).digest() for data in seen.values()):
        digest.update(data)
    return digest.hexdigest()


def _relative_imports(file: Path, source: bytes) -> list[Path]:
    found: list[Path] = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        folder = file.parents[node.level - 1]
        base = folder.joinpath(*(node.module or "").split(".")) if node.module else folder
        for target in (base, *(base / alias.name for alias in node.names)):
            found += [target.with_suffix(".py"), target / "__init__.py"]
    return found
