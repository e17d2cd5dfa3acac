"""The notebook runs from its first cell to its last, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.documents import ROOT

NOTEBOOK = ROOT / "docs/examples/notebook.ipynb"
DOCUMENT = json.loads(NOTEBOOK.read_text())
CELLS = ["".join(cell["source"]) for cell in DOCUMENT["cells"] if cell["cell_type"] == "code"]
TELL = """
print("TOLD", len(runs), len(table), sorted(scores.columns), list(scores.index), len(axes.patches))
"""


def test_it_holds_no_output_and_reads_in_a_minute() -> None:
    assert (DOCUMENT["nbformat"], DOCUMENT["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in DOCUMENT["cells"]]
    assert len(set(ids)) == len(ids) <= 15
    for cell in DOCUMENT["cells"]:
        assert set(cell) - {"execution_count", "outputs"} == {
            "cell_type", "id", "metadata", "source"
        }  # fmt: skip
        assert not cell.get("outputs") and cell.get("execution_count") is None


def test_every_cell_runs(tmp_path: Path) -> None:
    """As a kernel would: one namespace, cell after cell; a warning is an error."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "\n\n".join([*CELLS, TELL])],
        cwd=tmp_path,
        env=os.environ | {"MPLBACKEND": "agg", "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ("TOLD 2 2 ['baseline', 'mixup'] ['phone', 'tablet', 'watch'] 6\n"), (
        done.stdout
    )
    assert done.stderr == ""


@pytest.mark.parametrize("source", CELLS, ids=lambda source: source.splitlines()[0][:30])
def test_cells_are_short(source: str) -> None:
    assert len(source.splitlines()) <= 10
