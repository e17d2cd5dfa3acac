"""The notebook runs from its first cell to its last, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.documents import ROOT, blocks, text_of

NOTEBOOK = ROOT / "docs/examples/notebook.ipynb"
DOCUMENT = json.loads(NOTEBOOK.read_text())
CELLS = ["".join(cell["source"]) for cell in DOCUMENT["cells"] if cell["cell_type"] == "code"]
PLACES = "TINY, DATA, STORE = tiny, places['data'], places['store']"
EXAMPLES = blocks(text_of("docs/notebooks.md"), "python")
"""What docs/notebooks.md shows, on the runs that the notebook made."""
TELL = """
print("TOLD", len(runs), sorted(scores.columns), list(scores.index), len(axes.patches))
print("TOLD", record.run_id == runs["baseline"].run_id, len(table), list(table["method"]))
print("TOLD", set(cells["run_id"]) == {run.run_id for run in runs.values()}, set(cells["state"]))
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
        [sys.executable, "-W", "error", "-c", "\n\n".join([*CELLS, PLACES, *EXAMPLES, TELL])],
        cwd=tmp_path,
        env=os.environ | {"MPLBACKEND": "agg", "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = [line for line in done.stdout.splitlines() if line.startswith("TOLD")]
    assert told[0] == "TOLD 2 ['baseline', 'mixup'] ['phone', 'tablet', 'watch'] 6"
    assert told[1].startswith("TOLD True 2 [")
    assert told[2] == "TOLD True {'done'}"
    assert len(done.stdout.splitlines()) > len(told)  # what the examples print
    assert done.stderr == ""


@pytest.mark.parametrize("source", CELLS, ids=lambda source: source.splitlines()[0][:30])
def test_cells_are_short(source: str) -> None:
    assert len(source.splitlines()) <= 10
