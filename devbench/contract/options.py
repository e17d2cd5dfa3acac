"""Options of a plugin: the typed keyword arguments of its `build`, set with --set key=value."""

from __future__ import annotations

import inspect
import math
import sys
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from devbench.contract.names import require_known
from devbench.errors import ConfigurationError, ContractError, UsageError

Value = bool | int | float | str
Folder = Path | None
"""Annotate an option with this, default None, and --set NAME=PATH gives the method a folder.

An option annotated with Path alone, without a default, is a folder that must be given.
"""
FOLDER = "folder:"
"""How a value that is a folder begins: its path as asked for, or, in a plan, its content's hash."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option. type: bool, int, float, str or folder; choices: allowed texts, empty when free.

    The value of a folder is FOLDER and its path; without a path, none was given. is_required: a
    folder without which the plugin can do nothing.
    """

    name: str
    type: str
    default: Value
    choices: tuple[str, ...] = ()
    is_required: bool = False


def options_of(build: Callable[..., Any], *, given: Sequence[str] = ()) -> list[Option]:
    """Return the options of build; the names in given are supplied by the harness.

    Raises ContractError for an option without a type, a default or with a type that the command
    line cannot set.
    """
    found: list[Option] = []
    for name, parameter in inspect.signature(build).parameters.items():
        if name in given:
            continue
        annotation = _resolved(parameter.annotation, build)
        if annotation is Path and parameter.default is inspect.Parameter.empty:
            found.append(Option(name, "folder", FOLDER, is_required=True))
            continue
        kind, choices = _kind(annotation)
        if kind is None or parameter.default is inspect.Parameter.empty:
            raise ContractError(
                f"option {name!r} of {getattr(build, '__name__', build)!s} needs a default and a "
                "type of bool, int, float, str, Literal[...] or Folder",
                fix=f"write {name}: float = 0.5 (or another type and default)",
            )
        if not _is_default(parameter.default, kind, choices):
            raise ContractError(
                f"option {name!r} of {getattr(build, '__name__', build)!s} has the default "
                f"{str(parameter.default)[:80]!r}, which is no {' or '.join(choices) or kind}",
                fix="give it a default of its own type",
            )
        default = FOLDER if kind == "folder" else parameter.default
        found.append(Option(name, kind, default, choices))
    return found


def _resolved(annotation: Any, build: Callable[..., Any]) -> Any:
    """Return the type that an option's annotation names.

    One annotation at a time: that of the return value may name what is not imported yet, such as
    nn.Module, and must not be touched.
    """
    alone = types.SimpleNamespace(__annotations__={"option": annotation})
    maker: Any = build
    if isinstance(build, type):  # perhaps a base class in another module names the options
        maker = next(base for base in build.__mro__ if "__init__" in vars(base))
    names = vars(sys.modules[maker.__module__])
    try:
        return typing.get_type_hints(alone, globalns=names)["option"]
    except NameError:
        return annotation  # no type that the command line can set


def _kind(annotation: Any) -> tuple[str | None, tuple[str, ...]]:
    if annotation in (bool, int, float, str):
        return annotation.__name__, ()
    if annotation == Folder:
        return "folder", ()
    origin = typing.get_origin(annotation)
    if origin is Literal and all(isinstance(arg, str) for arg in typing.get_args(annotation)):
        return "str", tuple(typing.get_args(annotation))
    if origin in (typing.Union, types.UnionType) and set(typing.get_args(annotation)) == {
        int,
        float,
    }:
        return "float", ()
    return None, ()


def _is_default(default: Any, kind: str, choices: Sequence[str]) -> bool:
    if kind == "folder":
        return default is None
    if kind == "bool" or isinstance(default, bool):
        return kind == "bool" and isinstance(default, bool)
    if kind == "str":
        return isinstance(default, str) and (not choices or default in choices)
    return isinstance(default, int if kind == "int" else (int, float)) and _is_finite(default)


def _is_finite(number: float) -> bool:
    return abs(number) < 2**63 if isinstance(number, int) else math.isfinite(number)


def arguments(options: Iterable[Option], values: Mapping[str, Value]) -> dict[str, Any]:
    """Return what build is called with: values as they are, folders as paths or None."""

    def path(value: str) -> Folder:
        return Path(value.removeprefix(FOLDER)) if value != FOLDER else None

    folders = {option.name for option in options if option.type == "folder"}
    return {name: path(str(v)) if name in folders else v for name, v in values.items()}


def parse_settings(settings: Sequence[str]) -> dict[str, str]:
    """Return --set texts 'key=value' as a mapping; raises UsageError for another form."""
    found: dict[str, str] = {}
    for text in settings:
        key, sign, value = text.partition("=")
        if not sign or not key.strip():
            raise UsageError(f"--set {text!r} has no '='", fix="write --set name=value")
        if key.strip() in found:
            raise UsageError(f"--set {key.strip()!r} is given twice", fix="keep one of them")
        found[key.strip()] = value.strip()
    return found


def setting_text(value: Value | Path) -> str:
    """Return an option's value as the text that --set takes."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def resolve(
    options: Sequence[Option], settings: Mapping[str, str], *, owner: str
) -> dict[str, Value]:
    """Return every option of owner with its value in force: the settings over the defaults."""
    by_name = {option.name: option for option in options}
    for key in settings:
        require_known(f"option of {owner}", key, by_name, list_command=f"devbench show {owner}")
    return {
        name: _parse(option, settings[name], owner) if name in settings else option.default
        for name, option in by_name.items()
    }


def _parse(option: Option, text: str, owner: str) -> Value:
    value = _value(option, text)
    if value is None:
        words = {"bool": "true or false", "int": "a whole number", "float": "a number"}
        expected = " or ".join(option.choices) or words.get(option.type, "text")
        raise ConfigurationError(
            f"option {option.name!r} of {owner} is {text[:80]!r}", fix=f"expected {expected}"
        )
    return value


def _value(option: Option, text: str) -> Value | None:
    """Return text as a value of the option's type, or None when it is none."""
    if option.type == "bool":
        return {"true": True, "false": False, "1": True, "0": False}.get(text.lower())
    if option.type == "folder":
        return FOLDER + text
    if option.type == "str":
        return text if not option.choices or text in option.choices else None
    try:
        number = int(text) if option.type == "int" else float(text)
    except ValueError:
        return None
    return number if _is_finite(number) else None
