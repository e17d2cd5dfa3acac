"""What is installed is what stands in the tree."""

from __future__ import annotations

import tomllib
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FOLDERS = {
    "devbench": "devbench",
    "plugins": "devbench_plugins",
    "benchmarks": "devbench_benchmarks",
}


def test_every_package_of_the_tree_is_installed() -> None:
    found = set()
    for folder, name in FOLDERS.items():
        for path in (ROOT / folder).rglob("__init__.py"):
            inside = path.parent.relative_to(ROOT / folder).parts
            found.add(".".join([name, *inside]))
    assert found == set(PROJECT["tool"]["setuptools"]["packages"])


def test_every_entry_point_has_a_module() -> None:
    for group, entries in PROJECT["project"]["entry-points"].items():
        for name, value in entries.items():
            path = ROOT / value.partition(":")[0].replace(".", "/").replace(
                "devbench_plugins", "plugins"
            )
            assert path.with_suffix(".py").exists(), f"{group}: {name}"


def test_every_pinned_version_is_the_installed_one() -> None:
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        name, _, version = line.partition("==")
        if version and not line.startswith("#"):
            try:
                found = metadata.version(name)
            except metadata.PackageNotFoundError:
                continue  # not needed on this machine
            assert found.split("+")[0] == version, name


def test_no_registry_address_stands_in_the_tree() -> None:
    for name in ("constraints.txt", "pyproject.toml", "Makefile", ".ci/run"):
        text = (ROOT / name).read_text()
        assert "index-url" not in text
        assert "://" not in text.replace("https://github.com", "")
