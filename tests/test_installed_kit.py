"""From the wheel, with the tree out of reach: the examples and every new project keep the rules."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pytest

from devbench.registry import GROUPS

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ("floor-match", "attentive-cnn")


@dataclass(frozen=True)
class Site:
    """A folder with devbench, installed from its wheel, and whatever is put beside it."""

    folder: Path
    work: Path

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run Python where devbench is that of the folder."""
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=self.work,
            env=os.environ | {"PYTHONPATH": str(self.folder), "LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            check=False,
        )

    def install(self, project: Path) -> None:
        """Install a project or a wheel, without a network."""
        pip("install", "--no-deps", "--no-build-isolation", "--target", self.folder, project)


def pip(*arguments: object) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--no-input", "--disable-pip-version-check", "-q",
         *map(str, arguments)],
        capture_output=True, text=True, check=False, env=os.environ | {"PIP_NO_INDEX": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Build the wheel from a copy of what it is made of, and install it."""
    if int(metadata.version("setuptools").partition(".")[0]) < 77:
        pytest.skip("devbench is built by setuptools 77 or newer, which '.[dev]' installs")
    base = tmp_path_factory.mktemp("wheel")
    tree = base / "tree"
    for name in ("devbench", "plugins", "benchmarks"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tree / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree / name)
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", base / "dist", tree)
    shutil.rmtree(tree)
    made = Site(base / "site", base / "work")
    made.work.mkdir()
    (wheel,) = (base / "dist").glob("devbench-*.whl")
    made.install(wheel)
    return made


def test_devbench_is_that_of_the_wheel(site: Site) -> None:
    code = "import devbench, devbench_plugins; print(devbench.__file__, devbench_plugins.__file__)"
    assert site.run("-c", code).stdout.count(str(site.folder)) == 2


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_installs_and_keeps_the_rules(name: str, site: Site, tmp_path: Path) -> None:
    project = tmp_path / name
    shutil.copytree(ROOT / "docs" / "examples" / name, project)
    site.install(project)
    done = site.run("-m", "devbench", "plugin", "check", name)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"(devbench-{name} 0.1.0)" in done.stdout
    assert "advice" not in done.stdout
    tested = site.run(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "not test_contract", project
    )
    assert tested.returncode == 0, tested.stdout


@pytest.mark.parametrize("kind", GROUPS)
def test_a_new_project_installs_and_passes_its_tests_unchanged(kind: str, site: Site) -> None:
    name = f"my-{kind}"
    made = site.run("-m", "devbench", "plugin", "new", name, "--kind", kind)
    assert made.returncode == 0, made.stderr
    site.install(site.work / name)
    tested = site.run("-m", "pytest", "-q", "-p", "no:cacheprovider", site.work / name)
    assert tested.returncode == 0, tested.stdout
    assert " passed" in tested.stdout and "failed" not in tested.stdout


def test_check_of_a_new_project_ends_well(site: Site) -> None:
    made = site.run("-m", "devbench", "plugin", "new", "my-own", "--out", "own")
    assert made.returncode == 0, made.stderr
    done = site.run("-m", "devbench", "plugin", "check", "own")
    assert done.returncode == 0, done.stdout + done.stderr
