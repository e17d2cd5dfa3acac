"""What the tripwire of workers lets through, tried in a process of its own: hooks stay for good."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CODE = """
import sys
from pathlib import Path
from devbench.running import guard

seen = []
guard.install(Path(sys.argv[1]), seen.append, plugins=[])
for name in sys.argv[2:]:
    try:
        Path(name).read_text()
    except PermissionError:
        pass
print(len(seen))
"""


def n_refused(scratch: Path, site: Path, *paths: Path) -> int:
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(scratch), *map(str, paths)],
        env=os.environ | {"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


def test_metadata_on_the_path_is_read_and_what_lies_beside_it_is_not(tmp_path: Path) -> None:
    scratch, site, elsewhere = (tmp_path / name for name in ("scratch", "site", "elsewhere"))
    scratch.mkdir()
    for folder in (site, elsewhere):
        (folder / "acme-1.0.dist-info").mkdir(parents=True)
        (folder / "acme-1.0.dist-info" / "METADATA").write_text("Name: acme\n")
        (folder / "labels.csv").write_text("x\n")
    assert n_refused(scratch, site, site / "acme-1.0.dist-info" / "METADATA") == 0
    assert n_refused(scratch, site, site / "labels.csv") == 1
    assert n_refused(scratch, site, elsewhere / "acme-1.0.dist-info" / "METADATA") == 1


def test_another_place_of_installed_packages_on_the_path_is_read_whole(tmp_path: Path) -> None:
    """As a cluster's modules and an environment over another one have it."""
    scratch, site = tmp_path / "scratch", tmp_path / "lib" / "site-packages"
    for folder in (scratch, site / "acme"):
        folder.mkdir(parents=True)
    (site / "acme" / "table.csv").write_text("x\n")
    assert n_refused(scratch, site, site / "acme" / "table.csv") == 0
    assert n_refused(scratch, scratch, site / "acme" / "table.csv") == 1


LATE = """
import sys
from pathlib import Path
from devbench.running import guard

import torch  # as a worker has, before it lets a plugin in
guard.install(Path(sys.argv[1]), print, plugins=[])
from devbench_plugins.methods import gain
print(gain.__name__)
"""


def test_a_plugin_may_be_made_from_one_that_is_built_in(tmp_path: Path) -> None:
    """Its package is found late, inside `fit`, and is read even where it is installed in place."""
    done = subprocess.run(
        [sys.executable, "-c", LATE, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["devbench_plugins.methods.gain"], done.stdout + done.stderr


MOVE = """
import os
import sys
from devbench.running import guard
from pathlib import Path

scratch, elsewhere = Path(sys.argv[1]), Path(sys.argv[2])
(scratch / "own").write_text("x")
seen = []
guard.install(scratch, seen.append, plugins=[])
for move in (os.rename, os.replace, os.link, os.symlink):
    try:
        move(scratch / "own", elsewhere / "stored")
    except PermissionError:
        pass
os.rename(scratch / "own", scratch / "other")
print(len(seen), *os.listdir(scratch))
"""


def test_nothing_is_moved_or_linked_out_of_the_scratch_folder(tmp_path: Path) -> None:
    scratch, elsewhere = tmp_path / "scratch", tmp_path / "elsewhere"
    for folder in (scratch, elsewhere):
        folder.mkdir()
    (elsewhere / "stored").write_text("a record")
    done = subprocess.run(
        [sys.executable, "-c", MOVE, str(scratch), str(elsewhere)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (elsewhere / "stored").read_text() == "a record"
    assert done.stdout.split() == ["4", "other"], done.stdout + done.stderr
