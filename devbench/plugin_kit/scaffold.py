"""A project to start from: templates are plain text, and words in them are replaced."""

from __future__ import annotations

import keyword
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata, resources
from pathlib import Path
from string import Template

from devbench.contract.names import require_name
from devbench.errors import ConfigurationError, DataError
from devbench.files import disk_errors
from devbench.registry import GROUPS, Kind, installed

TEMPLATES = "templates"
SUFFIX = ".txt"
"""Templates are no Python files: nothing imports, formats or tests them by mistake."""
FIRST_USE: Mapping[str, str] = {
    "method": "devbench run --method $name --source iphone14",
    "backbone": "devbench run --method baseline --backbone $name --source iphone14",
    "frontend": "devbench run --method baseline --frontend $name --source iphone14",
    "corpus": "devbench run --method baseline --source left --benchmark $name.toml",
    "observer": "devbench run --method baseline --source iphone14",
}
"""What a plugin of each kind is first used by."""
RESERVED = frozenset({"devbench", "devbench-plugins", "devbench-benchmarks", "test", "tests"})


@dataclass(frozen=True, slots=True)
class Made:
    """A project that was written: its files, and what to type next."""

    folder: Path
    files: tuple[Path, ...]
    commands: tuple[str, ...]


def new_project(name: str, kind: Kind, folder: Path) -> Made:
    """Write a project that offers a plugin, into a folder that is not there yet.

    Raises ConfigurationError for a name that is not allowed or taken, DataError where the folder
    exists.
    """
    _require_free(name, kind)
    if folder.exists() or folder.is_symlink():
        raise DataError(
            f"{str(folder)!r} exists; nothing was written", fix="give another folder: --out DIR"
        )
    texts = project_files(name, kind)
    with disk_errors(folder):
        for place, text in texts.items():
            path = folder / place
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
    return Made(
        folder,
        tuple(folder / place for place in texts),
        (f"cd {shlex.quote(str(folder))}", *next_commands(name, kind)),
    )


def project_files(name: str, kind: Kind) -> dict[str, str]:
    """Return the text of every file of a project, by its place in the folder."""
    module = name.replace("-", "_")
    words = {
        "name": name,
        "module": module,
        "class_name": "".join(word.capitalize() for word in name.split("-")),
        "title": name.replace("-", " ").capitalize(),
        "kind": kind,
        "kind_words": "front end" if kind == "frontend" else kind,
        "group": GROUPS[kind],
        "group_word": GROUPS[kind].partition(".")[2],
        "use": Template(FIRST_USE[kind]).substitute(name=name),
    }
    found = {}
    own = resources.files("devbench.plugin_kit") / TEMPLATES
    for place in ("shared", kind):
        for entry in sorted((own / place).iterdir(), key=lambda item: item.name):
            target = entry.name.removesuffix(SUFFIX)
            target = target.replace("plugin.py", f"{module}.py") if "test" not in target else target
            target = target.replace("benchmark.toml", f"{name}.toml")
            text = entry.read_text(encoding="utf-8")
            found[_folder_of(target) + target] = Template(text).substitute(words)
    return found


def next_commands(name: str, kind: Kind) -> tuple[str, ...]:
    """Return what to type in the folder of a new project."""
    return (
        "pip install --no-deps --no-build-isolation -e .",
        "python -m pytest",
        f"devbench plugin check {name}",
        Template(FIRST_USE[kind]).substitute(name=name),
    )


def _folder_of(name: str) -> str:
    return "tests/" if name.startswith("test_") else ""


def _require_free(name: str, kind: Kind) -> None:
    require_name(kind, name)
    module = name.replace("-", "_")
    if name[0].isdigit() or keyword.iskeyword(module) or name in RESERVED:
        raise ConfigurationError(
            f"{kind} name {name!r} makes no good module name",
            fix="begin it with a letter, and take no word of Python's own",
        )
    offers = installed(kind).get(name, [])
    if offers:
        raise ConfigurationError(
            f"{kind} {name!r} is offered by {offers[0].origin} already",
            fix="choose another name",
        )
    if owner := _owner_of(module):
        raise ConfigurationError(
            f"{kind} name {name!r} makes a module {module!r}, which would hide that of {owner}",
            fix=f"put a word before it, such as my-{name}",
        )


def _owner_of(module: str) -> str:
    """Return who has a module of that name: in a folder of its own, a file comes before it."""
    if module in sys.stdlib_module_names:
        return "Python"
    return ", ".join(sorted(set(metadata.packages_distributions().get(module, []))))
