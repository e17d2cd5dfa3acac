"""What is asked about is found without importing it."""

from __future__ import annotations

from pathlib import Path

import pytest

from devbench.errors import ConfigurationError, UnknownNameError, UsageError
from devbench.plugin_kit.target import rivals, targets_of
from devbench.registry import find

CODE = """
from devbench import Method, MethodSpec, hookimpl

raise SystemExit("imported")

@hookimpl
def devbench_method():
    return MethodSpec(name="acme-tilt", build=Method)
"""
PROJECT = """
[project]
name = "acme-tilt"
version = "1.0"
[project.entry-points."devbench.methods"]
acme-tilt = "acme_tilt"
[project.entry-points."devbench.backbones"]
acme-net = "acme_net"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    for name in ("acme_tilt", "acme_net"):
        (tmp_path / f"{name}.py").write_text(CODE)
    return tmp_path


def test_a_name_is_an_installed_plugin() -> None:
    assert targets_of("gain", None) == [find("method", "gain")]
    assert targets_of("devbench:gain", "method") == [find("method", "gain")]
    assert [ref.kind for ref in targets_of("sim7", None)] == ["corpus"]


def test_a_file_tells_its_kind_and_name_by_its_text(project: Path) -> None:
    (ref,) = targets_of(str(project / "acme_tilt.py"), None)
    assert (ref.kind, ref.name, ref.file) == ("method", "acme-tilt", str(project / "acme_tilt.py"))


@pytest.mark.parametrize(
    "call",
    [
        'MethodSpec("acme-tilt", Method)',
        "MethodSpec(NAME, Method)",
        "devbench.MethodSpec(NAME, build=partial(Method, name='other'))",
        "MethodSpec(build=Method, name=NAME)",
        "MethodSpec(name=TYPED, build=Method)",
    ],
)
def test_a_name_is_found_however_it_is_written(call: str, tmp_path: Path) -> None:
    path = tmp_path / "tilt.py"
    constants = 'WORDS = "something else"\nNAME = "acme-tilt"\nTYPED: Final = "acme-tilt"\n'
    path.write_text(constants + CODE.replace('MethodSpec(name="acme-tilt", build=Method)', call))
    assert [ref.name for ref in targets_of(str(path), None)] == ["acme-tilt"]


def test_a_name_that_is_worked_out_is_taken_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "my_tilt.py"
    path.write_text(CODE.replace('"acme-tilt"', "name_of(__file__)"))
    assert [ref.name for ref in targets_of(str(path), None)] == ["my-tilt"]


def test_a_project_offers_what_its_entry_points_name(project: Path) -> None:
    found = targets_of(str(project), None)
    assert [(ref.kind, ref.name) for ref in found] == [
        ("method", "acme-tilt"),
        ("backbone", "acme-net"),
    ]
    assert [ref.name for ref in targets_of(str(project), "backbone")] == ["acme-net"]


def test_a_module_that_is_not_there_must_be_installed(project: Path) -> None:
    (project / "acme_net.py").unlink()
    with pytest.raises(UnknownNameError, match="'acme-net' of 'acme-tilt' is not installed") as e:
        targets_of(str(project), None)
    assert e.value.fix.startswith("pip install")


def test_mistakes_are_told(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="no plugin named 'gian'") as caught:
        targets_of("gian", None)
    assert "'gain'" in caught.value.fix
    with pytest.raises(UsageError, match="no plugin at"):
        targets_of(str(tmp_path / "none.py"), None)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "none"\n')
    with pytest.raises(ConfigurationError, match="offers no plugin"):
        targets_of(str(tmp_path), None)


def test_a_name_is_its_own_unless_another_offers_it(tmp_path: Path) -> None:
    assert rivals(find("method", "gain")) == []
    copy = tmp_path / "copy.py"
    copy.write_text(CODE.replace("acme-tilt", "gain"))
    assert [ref.distribution for ref in rivals(targets_of(str(copy), None)[0])] == ["devbench"]


def test_the_file_of_an_installed_plugin_is_no_rival_of_it() -> None:
    import devbench_plugins.methods.gain as gain

    assert gain.__file__ is not None
    (ref,) = targets_of(gain.__file__, None)
    assert rivals(ref) == []
