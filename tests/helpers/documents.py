"""The documents as text, and how to find a section, a block or a table in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from devbench.cli.group import cli

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
DOCUMENTS += sorted((ROOT / "docs").glob("*.md"))
DOCUMENTS += sorted((ROOT / "docs/examples").glob("*/README.md"))
DOCUMENTS += [ROOT / "leaderboards/README.md"]
FENCE = re.compile(r"^```(\w*)[^`\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_BLOCK = re.compile(
    r"^(?:<!-- (?P<own>[^>]+) -->\n)?```(?P<language>\w+)(?P<is_run> run)?\n(?P<body>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
_REASON = re.compile(r"(?:(?P<language>\w+) )?not run: (?P<reason>.{10,})")
SHELL = ("bash", "sh")


def text_of(name: str) -> str:
    return (ROOT / name).read_text()


def blocks(text: str, language: str) -> list[str]:
    """Return the fenced blocks in a language."""
    return [body for found, body in FENCE.findall(text) if found == language]


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block. is_run: it stands as "```bash run". tester: the test that runs it, or "".

    reason: why nothing runs it, or "".
    """

    path: Path
    language: str
    body: str
    is_run: bool
    tester: str
    reason: str


def marked_blocks(path: Path) -> list[Block]:
    """Return the fenced blocks of a document with what their marks say.

    A mark is a comment on the line before its block, "not run: REASON" or "run by FILE"; a comment
    "LANGUAGE not run: REASON" holds for all blocks of that language in the document.
    """
    text = path.read_text()
    found = []
    general = {}
    for comment in re.findall(r"^<!-- (.+) -->$", text, re.MULTILINE):
        match = _REASON.fullmatch(comment)
        if match is not None and match["language"]:
            general[match["language"]] = match["reason"]
    for match in _BLOCK.finditer(text):
        own, language = match["own"] or "", match["language"]
        reason = _REASON.fullmatch(own)
        is_run, tester = bool(match["is_run"]), own.removeprefix("run by ") if own else ""
        if reason is not None:
            found.append(Block(path, language, match["body"], is_run, "", reason["reason"]))
            continue
        is_open = not is_run and not tester
        found.append(
            Block(
                path,
                language,
                match["body"],
                is_run,
                tester,
                general.get(language, "") if is_open else "",
            )
        )
    return found


def section(text: str, heading: str) -> str:
    """Return what stands below a heading, down to the next one of its depth or above."""
    depth = heading.index(" ")
    start = text.index(f"\n{heading}\n") + len(heading) + 2
    end = re.search(rf"^#{{1,{depth}}} ", text[start:], re.MULTILINE)
    return text[start : start + end.start()] if end else text[start:]


def after(text: str, words: str) -> str:
    """Return the first table at or below the line that begins with words."""
    start = text.index(f"\n{words}")
    table = re.search(r"(?:^\|.*\n)+", text[start:], re.MULTILINE)
    assert table is not None, words
    return table[0]


def first_cells(table: str) -> list[str]:
    """Return the names in backquotes in the first cell of every row."""
    cells = re.findall(r"^\| ([^|]*) \|", table, re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def leaves(group: click.Group, words: tuple[str, ...]) -> Iterator[tuple[str, click.Command]]:
    """Yield every command below a group with its whole name."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        is_group = isinstance(command, click.Group)
        if not is_group or command.invoke_without_command:  # type: ignore[attr-defined]
            yield " ".join((*words, name)), command
        if is_group:
            yield from leaves(command, (*words, name))  # type: ignore[arg-type]


COMMANDS = dict(leaves(cli, ("devbench",)))


def command_lines() -> list[tuple[str, list[str]]]:
    """Return (document, words) of every `devbench ...` line that a reader may type."""
    found: list[tuple[str, list[str]]] = []
    for path in DOCUMENTS:
        text = path.read_text()
        shell = "\n".join(blocks(text, "bash")).replace("\\\n", " ").splitlines()
        shell += re.findall(r"^    make demo .*(devbench run --.*)$", text, re.MULTILINE)
        shell += re.findall(r"^    (devbench [a-z].*)$", FENCE.sub("", text), re.MULTILINE)
        for line in shell:
            plain = line.strip().removesuffix("&").removeprefix("time ").strip()
            if plain.startswith("devbench "):
                found.append((path.name, shlex.split(plain, comments=True)))
    return found
