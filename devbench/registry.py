"""Plugins by name: entry points are listed without importing anything, then ONE is loaded.

Only worker processes load plugins (`load_spec`); the process that holds test labels never does.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from devbench.contract.names import is_name, require_known
from devbench.errors import DevbenchError, PluginError, UnknownNameError, UsageError

Kind = Literal["method", "backbone", "frontend", "corpus", "observer"]
GROUPS: Mapping[str, str] = {
    "method": "devbench.methods",
    "backbone": "devbench.backbones",
    "frontend": "devbench.frontends",
    "corpus": "devbench.corpora",
    "observer": "devbench.observers",
}
PLURALS: Mapping[str, str] = {kind: group.split(".")[1] for kind, group in GROUPS.items()}


@dataclass(frozen=True, slots=True)
class PluginRef:
    """Where a plugin comes from; it is not loaded.

    value: 'package.module' or 'package.module:attribute', or '' for a file given by path.
    file: absolute path of a --plugin FILE, else ''.
    """

    kind: Kind
    name: str
    value: str
    distribution: str
    distribution_version: str
    file: str = ""

    @property
    def origin(self) -> str:
        """Return words for messages: who ships it."""
        return self.file or f"{self.distribution} {self.distribution_version}"

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self)


def installed(kind: Kind) -> dict[str, list[PluginRef]]:
    """Return every offer of a kind by name, without importing any; a list longer than 1 clashes."""
    found: dict[str, dict[tuple[str, str], PluginRef]] = {}
    for entry in _entry_points(GROUPS[kind]):
        distribution = entry.dist.name if entry.dist else "unknown"
        version = entry.dist.version if entry.dist else "0"
        ref = PluginRef(kind, entry.name, entry.value, distribution, version)
        found.setdefault(entry.name, {})[(distribution, entry.value)] = ref
    return {name: [refs[key] for key in sorted(refs)] for name, refs in sorted(found.items())}


def _entry_points(group: str) -> list[metadata.EntryPoint]:
    try:
        return list(metadata.entry_points(group=group))
    except Exception:  # noqa: BLE001 - one distribution's table is no UTF-8 or has no '='
        found: dict[str, list[metadata.EntryPoint]] = {}
        for distribution in metadata.distributions():
            with contextlib.suppress(Exception):
                entries = [entry for entry in distribution.entry_points if entry.group == group]
                found.setdefault(distribution.name, entries)  # the first on the path counts
        return [entry for entries in found.values() for entry in entries]


def find(kind: Kind, name: str) -> PluginRef:
    """Return the one plugin with that name.

    'distribution:name' chooses between two distributions that offer one name. Raises
    UnknownNameError (with near names) or, for a clash, PluginError that names both.
    """
    offers = installed(kind)
    wanted, _, short = name.rpartition(":")
    require_known(kind, short, offers, list_command=f"devbench ls {PLURALS[kind]}")
    refs = [ref for ref in offers[short] if wanted in ("", ref.distribution)]
    if not refs:
        makers = " and ".join(ref.distribution for ref in offers[short])
        raise UnknownNameError(
            f"{kind} {short!r} is offered by {makers}, not by {wanted!r}",
            fix=f"write {offers[short][0].distribution}:{short}",
        )
    if len(refs) > 1:
        makers = " and by ".join(ref.distribution for ref in refs)
        raise PluginError(
            f"{kind} {short!r} is offered by {makers}",
            fix=f"uninstall one, or write {refs[0].distribution}:{short}",
        )
    if not is_name(short):
        raise PluginError(
            f"{refs[0].distribution} offers a {kind} with a name that is not allowed",
            fix="its author must use lower-case words joined by '-'",
        )
    return refs[0]


def from_file(kind: Kind, name: str, path: Path) -> PluginRef:
    """Return the plugin in a Python file given by path (--plugin FILE.py)."""
    if path.suffix != ".py" or not path.is_file():
        raise UsageError(
            f"no Python file {str(path)!r}", fix="give --plugin the path of a .py file"
        )
    return PluginRef(kind, name, "", path.name, "0", str(path.resolve()))


def load_module(ref: PluginRef) -> object:
    """Import a plugin and return what its entry point names: a module, or an attribute of one."""
    try:
        if ref.file:
            return _import_file(Path(ref.file))
        module_name, _, attribute = ref.value.partition(":")
        found: object = importlib.import_module(module_name)
        for part in filter(None, attribute.split(".")):
            found = getattr(found, part)
    except DevbenchError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(
            f"{ref.kind} {ref.name!r} ({ref.origin}) cannot be imported: "
            f"{type(error).__name__}: {error}",
            fix="install what it needs, update it, or ask its author; other plugins still work",
        ) from error
    return found


def load_spec(ref: PluginRef, module: object = None) -> Any:
    """Load ONE plugin in a manager of its own and return the spec that it offers under its name.

    module: what load_module returned, where that was called before.
    """
    import pluggy

    from devbench.contract import hookspecs
    from devbench.contract.method import API_VERSION

    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    module = load_module(ref) if module is None else module
    try:
        manager.register(module)
        manager.check_pending()
        spec = getattr(manager.hook, f"devbench_{ref.kind}")()
    except (Exception, SystemExit) as error:
        reason = f"{type(error).__name__}: {error}"
        fix = f"compare it with a built-in {ref.kind}, or ask its author"
        if isinstance(error, DevbenchError):
            reason, fix = error.what, error.fix
        raise PluginError(
            f"{ref.kind} {ref.name!r} ({ref.origin}) does not describe itself: {reason}", fix=fix
        ) from error
    if spec is None:
        raise PluginError(
            f"{ref.origin} has no hook devbench_{ref.kind}",
            fix=f"add a function devbench_{ref.kind} with @hookimpl that returns the spec",
        )
    expected = hookspecs.SPECS[ref.kind]
    if not isinstance(spec, expected):
        raise PluginError(
            f"{ref.kind} {ref.name!r} ({ref.origin}): devbench_{ref.kind} returned a "
            f"{type(spec).__name__}, not a {expected.__name__}",
            fix=f"return {expected.__name__}(name={ref.name!r}, build=...)",
        )
    if spec.api != API_VERSION:
        raise PluginError(
            f"{ref.kind} {ref.name!r} ({ref.origin}) is written for plugin API "
            f"{spec.api!r}; this devbench has {API_VERSION}",
            fix="install a matching version of the plugin or of devbench",
        )
    if spec.name != ref.name:
        raise PluginError(
            f"{ref.origin} offers {ref.kind} {spec.name!r} where {ref.name!r} was asked for",
            fix=f"ask for {spec.name!r}, or make the entry point's name and spec.name equal",
        )
    return spec


def _import_file(path: Path) -> ModuleType:
    name = f"devbench_file_plugin_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and typing look modules up by name
    spec.loader.exec_module(module)
    return module
