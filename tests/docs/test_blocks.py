"""Every block of code in the documents is run by a test, or says why it is not."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from helpers.documents import DOCUMENTS, ROOT, SHELL, Block, marked_blocks, text_of
from helpers.trees import folders_tree

BLOCKS = [block for path in DOCUMENTS for block in marked_blocks(path)]
CODE = [block for block in BLOCKS if block.language not in ("text", "json")]  # output, and data
RUN = sorted({block.path for block in BLOCKS if block.is_run})
PREPARE: dict[str, Callable[[Path], object]] = {
    "tutorial-corpus.md": lambda folder: folders_tree(
        folder / "PATH/phones", devices=("iphone", "galaxy", "pixel"), n_events=10
    ),
}
"""What a reader of a document has before its first block."""


def name_of(thing: Block | Path) -> str:
    path = thing.path if isinstance(thing, Block) else thing
    return str(path.relative_to(ROOT))


def test_all_blocks_are_found() -> None:
    for path in DOCUMENTS:
        n_fences = len(re.findall(r"^```", path.read_text(), re.MULTILINE))
        assert n_fences == 2 * len(marked_blocks(path)), path.name


@pytest.mark.parametrize("block", CODE, ids=name_of)
def test_a_block_is_run_or_says_why_not(block: Block) -> None:
    ways = [block.is_run, bool(block.tester), bool(block.reason)]
    assert sum(ways) == 1, block.body
    if block.tester:
        assert name_of(block) in text_of(block.tester), "that test does not read this document"
    for name in re.findall(r"tests/[\w/]+\.py", block.reason):
        assert (ROOT / name).exists()


def test_marks_tell_what_is_there() -> None:
    """A mark that no block needs is stale."""
    for path in DOCUMENTS:
        used = {block.language for block in BLOCKS if block.path == path and block.reason}
        general = re.findall(r"^<!-- (\w+) not run: ", path.read_text(), re.MULTILINE)
        assert set(general) <= used and len(general) == len(set(general)), path.name


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_shell_blocks_are_shell(path: Path) -> None:
    text = "\n".join(b.body for b in BLOCKS if b.path == path and b.language in SHELL)
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_scripts_in_shell_blocks_have_these_options() -> None:
    n_seen = 0
    for block in BLOCKS:
        for line in block.body.splitlines() if block.language in SHELL else ():
            if not re.match(r"python \S+\.py\b", line):
                continue
            _, script, *words = shlex.split(line, comments=True)
            n_seen += 1
            for option in words:
                assert not option.startswith("--") or f'"{option}"' in text_of(script), line
    assert n_seen >= 5


@pytest.mark.parametrize("path", RUN, ids=name_of)
def test_blocks_that_are_to_run_do(path: Path, tmp_path: Path) -> None:
    """In one shell per document, from its first block to its last, in an empty folder."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "devbench").write_text(
        f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m devbench "$@"\n'
    )
    (tools / "devbench").chmod(0o755)
    folder = tmp_path / "here"
    folder.mkdir()
    PREPARE.get(path.name, lambda folder: None)(folder)
    blocks = [b.body for b in BLOCKS if b.path == path and b.is_run]
    assert {b.language for b in BLOCKS if b.path == path and b.is_run} == {"bash"}
    env = {k: v for k, v in os.environ.items() if k not in ("DEVBENCH_STORE", "DEVBENCH_DATA")}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(blocks)],
        cwd=folder,
        env=env | {"PATH": f"{tools}:{env['PATH']}", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
