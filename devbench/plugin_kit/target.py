"""What `devbench plugin check` is asked about: an installed name, a file, or a project.

Nothing is imported here: what a file offers is read from its text.
"""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import cast

from devbench.contract.hookspecs import OBSERVER_HOOKS
from devbench.contract.names import require_known
from devbench.errors import ConfigurationError, PluginError, UnknownNameError, UsageError
from devbench.files import read_bytes, read_toml
from devbench.registry import GROUPS, Kind, PluginRef, find, installed


def targets_of(asked: str, kind: Kind | None) -> list[PluginRef]:
    """Return the plugins that asked, a name or a path, stands for.

    Raises UnknownNameError for a name that nobody offers, UsageError for a path that holds none.
    """
    path = Path(asked)
    if path.suffix == ".py" or "/" in asked or asked in (".", ".."):
        return of_path(path, kind)
    kinds = [kind] if kind else [k for k in GROUPS if asked.rpartition(":")[2] in installed(_k(k))]
    if (path / "pyproject.toml").is_file() and not any(asked in installed(_k(k)) for k in kinds):
        return of_path(path, kind)
    if not kinds:
        known = [name for k in GROUPS for name in installed(_k(k))]
        require_known("plugin", asked, known, list_command="devbench ls plugins")
    return [offer for k in kinds for offer in _offers(_k(k), asked)]


def _k(kind: str) -> Kind:
    return cast("Kind", kind)


def _offers(kind: Kind, asked: str) -> list[PluginRef]:
    """Return what is offered under a name: several where it clashes, which is a finding."""
    try:
        return [find(kind, asked)]
    except PluginError:
        short = asked.rpartition(":")[2]
        return installed(kind)[short]


def of_path(path: Path, kind: Kind | None) -> list[PluginRef]:
    """Return the plugin in a file, or those of a project's folder."""
    if path.is_dir():
        return _of_project(path, kind)
    if path.suffix != ".py" or not path.is_file():
        raise UsageError(
            f"no plugin at {str(path)!r}",
            fix="give the name of an installed plugin, a .py file, or a folder with pyproject.toml",
        )
    found, name = _look_into(path, kind)
    return [PluginRef(found, name, "", path.name, "0", str(path.resolve()))]


def _of_project(folder: Path, kind: Kind | None) -> list[PluginRef]:
    """Return what the entry points of a project offer, installed or as files of the folder."""
    project = read_toml(folder / "pyproject.toml").get("project", {})
    name = str(project.get("name", folder.resolve().name))
    tables = project.get("entry-points", {})
    refs = []
    for one, group in GROUPS.items():
        if kind in (None, one):
            for plugin, value in tables.get(group, {}).items():
                refs.append(_of_entry(folder, _k(one), plugin, str(value), name))
    if not refs:
        raise ConfigurationError(
            f"{str(folder / 'pyproject.toml')!r} offers no plugin",
            fix='add [project.entry-points."devbench.methods"] with NAME = "module"',
        )
    return refs


def _of_entry(folder: Path, kind: Kind, plugin: str, value: str, name: str) -> PluginRef:
    for ref in installed(kind).get(plugin, []):
        if _same(ref.distribution, name) and ref.value == value:
            return ref
    module, _, attribute = value.partition(":")
    for place in (folder, folder / "src"):
        path = place / f"{module}.py"
        if path.is_file() and not attribute:
            return PluginRef(kind, plugin, "", path.name, "0", str(path.resolve()))
    raise UnknownNameError(
        f"{kind} {plugin!r} of {name!r} is not installed",
        fix=f"pip install --no-deps -e {folder}",
    )


def _same(one: str, other: str) -> bool:
    """Return whether two names are of one distribution: case and the kind of dash do not count."""
    first, second = (name.lower().replace("_", "-").replace(".", "-") for name in (one, other))
    return first == second


def _look_into(path: Path, kind: Kind | None) -> tuple[Kind, str]:
    """Return the kind and the name that a file offers, from its text alone."""
    stem = path.stem.replace("_", "-")
    try:
        tree = ast.parse(read_bytes(path))
    except (SyntaxError, ValueError):  # importing it will tell what is wrong
        return kind or "method", stem
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for function in functions:
        found = function.name.removeprefix("devbench_")
        if function.name in OBSERVER_HOOKS and kind in (None, "observer"):
            return "observer", stem
        if found in GROUPS and found != function.name and kind in (None, found):
            return _k(found), _name_in(function, _texts_of(tree)) or stem
    return kind or "method", stem


def _name_in(function: ast.FunctionDef, texts: Mapping[str, str]) -> str:
    """Return the name that a hook gives to its spec; texts: the module's, by variable."""
    for call in ast.walk(function):
        if not isinstance(call, ast.Call):
            continue
        values = [keyword.value for keyword in call.keywords if keyword.arg == "name"]
        if ast.unparse(call.func).endswith("Spec"):
            values += call.args[:1]
        for value in values:
            text = texts.get(value.id) if isinstance(value, ast.Name) else _text_of(value)
            if text:
                return text
    return ""


def _texts_of(tree: ast.Module) -> dict[str, str]:
    """Return the constant texts of a module, by the name of their variable."""
    found: dict[str, str] = {}
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        if text := _text_of(getattr(node, "value", None)):
            found |= {target.id: text for target in targets if isinstance(target, ast.Name)}
    return found


def _text_of(node: object) -> str:
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, str) else ""


def rivals(ref: PluginRef) -> list[PluginRef]:
    """Return what other distributions offer under the same name."""
    others = installed(ref.kind).get(ref.name, [])
    return [other for other in others if not _is_same_plugin(other, ref)]


def _is_same_plugin(other: PluginRef, ref: PluginRef) -> bool:
    if not ref.file:
        return (other.distribution, other.value) == (ref.distribution, ref.value)
    return Path(ref.file) in {path.resolve() for path in _files(other.value)}


def _files(value: str) -> Iterable[Path]:
    """Return where a module may lie, without importing any package."""
    first, *rest = value.partition(":")[0].split(".")
    spec = importlib.util.find_spec(first)
    if spec is None:
        return []
    if not rest:
        return [Path(spec.origin)] if spec.origin else []
    folders = map(Path, spec.submodule_search_locations or ())
    return [folder.joinpath(*rest).with_suffix(".py") for folder in folders]
