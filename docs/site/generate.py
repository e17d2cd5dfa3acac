"""Write what follows from the code: pages of reference, and the marked tables of other pages.

python docs/site/generate.py           write them
python docs/site/generate.py --check   tell which are not as the code says, and end with 1
"""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from excerpts import filled, table
from pydantic import BaseModel

import devbench
from devbench import errors
from devbench.benchmark import model as benchmark
from devbench.cli.group import cli
from devbench.contract import hookspecs
from devbench.contract.names import NAME_PATTERN
from devbench.corpora import header
from devbench.results import artifact, ledger, record, store

DOCS = PAGES = Path(__file__).resolve().parents[1]
NOTE = "Written from the code by `docs/site/generate.py`; do not edit by hand."
PATTERNS = {f"^{NAME_PATTERN}$": "name", "^[0-9a-f]{64}$": "SHA-256 in hex"}
FOR_NOTEBOOKS = "devbench.api"
_CODE = re.compile(r"(`[^`]*`)")
_MARKUP = re.compile(r"([\\*<|])|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")

FILES: Mapping[str, Sequence[type[BaseModel]]] = {
    "Benchmark file": (
        benchmark.Benchmark,
        benchmark.Features,
        benchmark.Splits,
        benchmark.Budget,
        benchmark.Limits,
        benchmark.Seeds,
    ),
    "Record": (
        record.Record,
        record.Plan,
        record.MethodPlan,
        record.PartPlan,
        record.BenchmarkPlan,
        record.CorpusPlan,
        record.DeviceScore,
        record.Summary,
        record.Model,
        record.AddedLevel,
        record.Epoch,
        record.ArtifactUse,
        record.ArtifactMade,
        record.Checks,
    ),
    "Other files of a store": (
        store.Failure,
        ledger.Entry,
        artifact.ArtifactDocument,
        artifact.Identity,
    ),
    "Corpus": (header.CorpusHeader, header.DeviceEntry),
}


def main() -> None:
    """Write the pages, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    is_check = parser.parse_args().check
    stale = [path for path, text in pages() if not path.exists() or path.read_text() != text]
    if is_check and stale:
        names = ", ".join(path.name for path in stale)
        sys.exit(f"{names}: not as the code says\n  fix: python docs/site/generate.py")
    for path, text in pages():
        if path in stale:
            path.write_text(text)


def pages() -> Iterator[tuple[Path, str]]:
    """Yield every generated page with its text."""
    for name, lines in (
        ("commands", command_lines()),
        ("python", python_lines()),
        ("files", file_lines()),
    ):
        text = "\n".join(lines)
        yield DOCS / f"reference-{name}.md", re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"
    for name in ("tutorial-leaderboard", "explanation"):
        yield DOCS / f"{name}.md", filled((PAGES / f"{name}.md").read_text())


def escaped(text: str) -> str:
    """Return text of a docstring as Markdown: what stands in backquotes is code, nothing else is.

    Lines stay as they are, so that the page reads like the code.
    """
    parts = _CODE.split(text)
    parts[::2] = [_MARKUP.sub(lambda m: f"\\{m[0]}", part) for part in parts[::2]]
    return "".join(parts)


def prose(thing: object) -> list[str]:
    """Return the docstring of something as paragraphs."""
    words = inspect.getdoc(thing) or ""
    paragraphs = [inspect.cleandoc(part) for part in words.split("\n\n")]
    return [line for part in paragraphs for line in (escaped(part), "")]


# Commands.


def command_lines() -> Iterator[str]:
    """Yield the page of commands."""
    yield from ("# Synopsis of all commands", "")
    yield from ("<!-- bash not run: examples of the help texts -->", "")
    yield from (NOTE + " What they do, with examples: [commands](commands.md).", "")
    for name, command in _leaves(cli, "devbench"):
        context = click.Context(command, info_name=name)
        yield from (f"## `{name}`", "")
        yield from ("```text", *_usage(command, context), "```", "")
        yield from _help(command)
        arguments = [p for p in command.params if isinstance(p, click.Argument)]
        options = [p for p in command.params if isinstance(p, click.Option)]
        for argument in arguments:
            words = "optional" if not argument.required else "required"
            many = ", may be several" if argument.nargs == -1 else ""
            yield from (f"`{argument.make_metavar(context)}`: {words}{many}.", "")
        if options:
            rows = [_option(option, context) for option in options]
            yield from table(("option", "takes", "default", "meaning"), rows)


def _leaves(group: click.Group, name: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for word in group.list_commands(context):
        command = group.get_command(context, word)
        assert command is not None
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield f"{name} {word}", command
        if isinstance(command, click.Group):
            yield from _leaves(command, f"{name} {word}")


def _usage(command: click.Command, context: click.Context) -> list[str]:
    pieces = " ".join(command.collect_usage_pieces(context))
    return [f"{context.info_name} {pieces}"]


def _help(command: click.Command) -> Iterator[str]:
    r"""Yield the help text; what \b keeps as it stands are examples."""
    for part in inspect.cleandoc(command.help or "").split("\n\n"):
        lines = part.splitlines()
        if lines and lines[0] == "\b":
            yield from ("```bash", *lines[1:], "```", "")
        else:
            yield from (escaped(part), "")


def _option(option: click.Option, context: click.Context) -> tuple[str, str, str, str]:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    kind = option.type
    if option.is_flag:
        takes = ""
    elif isinstance(kind, click.Choice):
        takes = ", ".join(f"`{choice}`" for choice in kind.choices)
    elif isinstance(kind, click.IntRange | click.FloatRange):
        takes = (
            f"{'whole number' if isinstance(kind, click.IntRange) else 'number'}, {_range(kind)}"
        )
    else:
        words = {"integer": "whole number", "float": "number", "path": "path", "text": "text"}
        takes = words.get(kind.name, kind.name)
    if option.metavar and not option.is_flag:
        takes = f"`{option.metavar}`"
    if option.multiple:
        takes += ", may be repeated"
    default = option.get_default(context, call=False)
    is_shown = not option.is_flag or option.secondary_opts
    shown = "" if default is None or not is_shown or option.multiple else f"`{default}`"
    if option.envvar:
        shown = f"`${option.envvar}`" + (f", else {shown}" if shown else "")
    return names, takes, "required" if option.required else shown, escaped(option.help or "")


def _range(kind: click.IntRange | click.FloatRange) -> str:
    low, high = kind.min, kind.max
    if high is None:
        return f"at least {low}"
    return f"{low} to {high}" if low is not None else f"at most {high}"


# Python.


def python_lines() -> Iterator[str]:
    """Yield the page of Python names."""
    yield from ("# Python names, hooks and errors", "")
    yield from (NOTE, "")
    public = {name: getattr(devbench, name) for name in sorted(devbench._PUBLIC, key=str.lower)}
    ours = [name for name, room in devbench._PUBLIC.items() if room == FOR_NOTEBOOKS]
    yield from ("## For notebooks", "", "More in [notebooks.md](notebooks.md).", "")
    for name in sorted(ours):
        yield from _thing(name, public.pop(name))
    yield from ("## For plugins", "")
    yield from ("What they mean together: [plugin-contract.md](plugin-contract.md).", "")
    for name, thing in public.items():
        if not (inspect.isclass(thing) and issubclass(thing, Exception)):
            yield from _thing(name, thing)
    yield from ("## Hooks", "")
    for name, thing in vars(hookspecs).items():
        if name.startswith("devbench_"):
            yield from _thing(name, thing)
    yield from ("## Errors and exit codes", "")
    yield "Functions raise them; the command line ends with the code of the error's class, with 0"
    yield "when all is done, 1 for a bug, 130 when it was interrupted: [exit codes](exit-codes.md)."
    yield ""
    yield from table(("error", "exit code", "is a", "meaning"), map(_error, _errors()))


def _errors() -> list[type[errors.DevbenchError]]:
    return [
        thing
        for thing in vars(errors).values()
        if inspect.isclass(thing) and issubclass(thing, errors.DevbenchError)
    ]


def _error(kind: type[errors.DevbenchError]) -> tuple[str, str, str, str]:
    first = escaped((inspect.getdoc(kind) or "").splitlines()[0])
    return f"`{kind.__name__}`", str(kind.exit_code), f"`{kind.__mro__[1].__name__}`", first


def _thing(name: str, thing: Any) -> Iterator[str]:
    yield from (f"### `{name}`", "")
    if inspect.isclass(thing):
        yield from prose(thing)
        yield from _members(thing)
    elif inspect.isfunction(thing):
        yield from ("```text", *_signature(name, thing), "```", "")
        yield from prose(thing)
    elif name == "hookimpl":
        yield from ("Decorator of pluggy that marks a function as one of the hooks below.", "")
    else:
        stands_for = re.sub(r"pathlib\.(_local\.)?", "", str(thing))  # as Python spells it
        yield from (f"Stands for `{stands_for}`.", "")


def _members(kind: type[Any]) -> Iterator[str]:
    if dataclasses.is_dataclass(kind):
        fields = [f for f in dataclasses.fields(kind) if not f.name.startswith("_")]
        rows = [(f"`{f.name}`", f"`{_type(f.type)}`", _default(f)) for f in fields]
        yield from table(("field", "type", "default"), rows)
    elif issubclass(kind, BaseModel):
        yield from _keys(kind)
    own = [base for base in reversed(kind.__mro__) if base.__module__.startswith("devbench.")]
    members = {name: member for base in own for name, member in vars(base).items()}
    for name, member in members.items():
        if name.startswith("_"):
            continue
        if inspect.isfunction(member):
            yield from ("```text", *_signature(f"{kind.__name__}.{name}", member), "```", "")
            yield from prose(member)
        elif isinstance(member, property):
            annotation = inspect.signature(member.fget).return_annotation  # type: ignore[arg-type]
            yield from ("```text", f"{kind.__name__}.{name} -> {_type(annotation)}", "```", "")
            yield from prose(member)
        elif isinstance(member, kind):  # a member of an enumeration
            yield from (f"`{kind.__name__}.{name}` (`{member.value}`)", "")


def _type(annotation: Any) -> str:
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    return (text or str(annotation)).replace("|", "or") if text != "_empty" else "Any"


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default is not dataclasses.MISSING:
        return f"`{field.default!r}`"
    if field.default_factory is not dataclasses.MISSING:
        return f"`{getattr(field.default_factory, '__name__', 'made anew')}()`"
    return "required"


def _signature(name: str, function: Any) -> list[str]:
    """Return a signature, a line per argument where it does not fit into one."""
    signature = inspect.signature(function)
    parameters = [p for p in signature.parameters.values() if p.name != "self"]
    end = signature.replace(parameters=[]).__str__().removeprefix("()").replace("'", "")
    words = [str(parameter).replace("'", "") if "=" not in str(parameter) else _given(parameter)
             for parameter in parameters]  # fmt: skip
    first = next((n for n, p in enumerate(parameters) if p.kind is p.KEYWORD_ONLY), None)
    if first is not None:
        words.insert(first, "*")
    line = f"{name}({', '.join(words)}){end}"
    return [line] if len(line) <= 96 else [f"{name}(", *(f"    {w}," for w in words), f"){end}"]


def _given(parameter: inspect.Parameter) -> str:
    return f"{parameter.name}: {_plain(parameter.annotation)} = {parameter.default!r}"


def _plain(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "Any")


# Files.


def file_lines() -> Iterator[str]:
    """Yield the page of the keys of files."""
    yield from ("# Keys of benchmark files, records and corpora", "")
    yield from (NOTE, "")
    yield "Unknown keys are refused, numbers are finite, nothing is converted: a text is no number."
    yield "A *name* is made of small letters and digits with single hyphens, such as `bc-resnet`."
    yield "What the keys mean: [benchmark files](benchmark-format.md), [records](record-format.md),"
    yield from ("[corpora](corpus-format.md).", "")
    for title, models in FILES.items():
        yield from (f"## {title}", "")
        for model in models:
            yield from (f"### `{model.__name__}`", "")
            yield from prose(model)
            yield from _keys(model)


def _keys(model: type[BaseModel]) -> list[str]:
    schema = model.model_json_schema(by_alias=True)
    needed = schema.get("required", ())
    rows = []
    for key, value in schema["properties"].items():
        default = "required" if key in needed else _json(value.get("default"))
        rows.append((f"`{key}`", _kind(value), default))
    return table(("key", "value", "default"), rows)


def _json(value: Any) -> str:
    if isinstance(value, dict) and value:
        return "all defaults"
    return "none" if value is None else f"`{value!r}`".replace("'", '"')


def _kind(value: Mapping[str, Any]) -> str:  # noqa: PLR0911 - one per kind of value
    """Return what a JSON schema allows, in words."""
    if "$ref" in value:
        return f"`{value['$ref'].rpartition('/')[2]}`"
    if "anyOf" in value:
        return " or ".join(_kind(one) for one in value["anyOf"])
    if "const" in value:
        return _json(value["const"])
    if "enum" in value:
        return ", ".join(_json(one) for one in value["enum"])
    kind = value.get("type")
    if kind == "array":
        if "prefixItems" in value:
            return f"list of {', '.join(_kind(one) for one in value['prefixItems'])}"
        return f"list of {_kind(value['items'])}{_limits(value, 'Items', 'long')}"
    if kind == "object":
        patterns = list(value.get("patternProperties", {}).values())
        inner = patterns[0] if patterns else value.get("additionalProperties")
        return f"table of {_kind(inner)}" if isinstance(inner, dict) else "table"
    words = {"integer": "whole number", "number": "number", "string": "text", "null": "none",
             "boolean": "`true` or `false`"}  # fmt: skip
    if "pattern" in value:
        found = PATTERNS.get(value["pattern"], f"text like `{value['pattern']}`")
    else:
        found = words.get(str(kind), "anything")
    return found + _numbers(value) + _limits(value, "Length", "long")


def _numbers(value: Mapping[str, Any]) -> str:
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": r"\<"}
    found = [f"{sign} {value[key]:g}" for key, sign in signs.items() if key in value]
    return f", {' and '.join(found)}" if found else ""


def _limits(value: Mapping[str, Any], of: str, word: str) -> str:
    low, high = value.get(f"min{of}"), value.get(f"max{of}")
    found = [f"at least {low}"] if low else []
    found += [f"at most {high}"] if high else []
    return f", {' and '.join(found)} {word}" if found else ""


if __name__ == "__main__":
    main()
