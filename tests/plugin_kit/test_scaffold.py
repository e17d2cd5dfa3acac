"""A new project is complete, keeps what is there, and says what to type."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

from devbench.errors import ConfigurationError, DataError
from devbench.plugin_kit.scaffold import FIRST_USE, new_project, project_files
from devbench.registry import GROUPS, Kind


@pytest.mark.parametrize("kind", GROUPS)
def test_a_project_is_complete(kind: Kind, tmp_path: Path) -> None:
    made = new_project("my-own-thing", kind, tmp_path / "project")
    places = {str(path.relative_to(made.folder)) for path in made.files}
    assert {"pyproject.toml", "README.md", "my_own_thing.py", "tests/test_contract.py"} <= places
    project = tomllib.loads((made.folder / "pyproject.toml").read_text())
    assert project["project"]["entry-points"] == {GROUPS[kind]: {"my-own-thing": "my_own_thing"}}
    readme = (made.folder / "README.md").read_text()
    commands = [line.strip() for line in readme.splitlines() if line.startswith("    ")]
    assert commands == list(made.commands[1:]) and len(commands) == 4
    for path in made.files:
        text = path.read_text()
        assert "$" not in text and "://" not in text
        if path.suffix == ".py":
            ast.parse(text)
    assert len((made.folder / "tests/test_contract.py").read_text().splitlines()) == 3


def test_every_kind_has_templates() -> None:
    assert set(FIRST_USE) == set(GROUPS)
    assert all(project_files("x-y", kind) for kind in GROUPS)  # type: ignore[arg-type]


@pytest.mark.parametrize("as_link", [False, True])
def test_what_exists_is_left_as_it_is(as_link: bool, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    if as_link:
        folder.symlink_to(tmp_path / "nowhere")
    else:
        folder.mkdir()
    with pytest.raises(DataError, match="exists; nothing was written"):
        new_project("my-tilt", "method", folder)
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("MyTilt", "not allowed"),
        ("../tilt", "not allowed"),
        ("my_tilt", "not allowed"),
        ("x" * 65, "not allowed"),
        ("3d", "no good module name"),
        ("class", "no good module name"),
        ("devbench", "no good module name"),
        ("gain", "offered by devbench"),
        ("random", "would hide that of Python"),
        ("types", "would hide that of Python"),
        ("numpy", "would hide that of numpy"),
        ("torch", "would hide that of torch"),
        ("sklearn", "would hide that of scikit-learn"),
        ("pytest", "would hide that of pytest"),
    ],
)
def test_names_are_checked(name: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=words):
        new_project(name, "method", tmp_path / "project")
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_hides_a_module_comes_with_one_that_does_not(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        new_project("random", "method", tmp_path / "project")
    assert "'random'" in caught.value.what and caught.value.fix.endswith(" my-random")
    assert new_project("my-random", "method", tmp_path / "project").files


def test_a_name_of_another_kind_is_free(tmp_path: Path) -> None:
    assert new_project("gain", "backbone", tmp_path / "project").files
