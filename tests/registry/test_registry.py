"""Plugins by name: listing imports nothing, clashes are refused, a broken plugin is local."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from devbench.contract.names import NAME_PATTERN
from devbench.errors import ContractError, DevbenchError, PluginError, UnknownNameError, UsageError
from devbench.registry import GROUPS, Kind, PluginRef, find, from_file, installed, load_spec
from devbench.running import describe as describing

GOOD = """
    from devbench import Method, MethodSpec, hookimpl

    @hookimpl
    def devbench_method() -> MethodSpec:
        return MethodSpec(name="NAME", build=Method)
"""

Install = Callable[..., PluginRef]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return a function that puts a distribution with one plugin on the path of all processes."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=os.pathsep)

    def make(
        distribution: str,
        name: str,
        code: str | None = None,
        *,
        kind: Kind = "method",
        value: str = "",
        entry_points: bytes | None = None,
    ) -> PluginRef:
        module = f"fake_{distribution.replace('-', '_')}"
        if code is not None:
            text = textwrap.dedent(code).replace("NAME", name)
            (site / f"{module}.py").write_text(text)
        folder = site / f"{distribution.replace('-', '_')}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n"
        )
        lines = f"[{GROUPS[kind]}]\n{name} = {value or module}\n".encode()
        (folder / "entry_points.txt").write_bytes(lines if entry_points is None else entry_points)
        monkeypatch.delitem(sys.modules, module, raising=False)
        return PluginRef(kind, name, value or module, distribution, "1.0")

    return make


def test_built_in_names_are_listed_and_well_formed() -> None:
    methods = installed("method")
    assert list(methods) == sorted(methods)
    assert {"baseline", "ideal", "freq-mixstyle"} <= methods.keys()
    assert {ref.distribution for ref in methods["baseline"]} == {"devbench"}


def test_listing_and_finding_import_nothing(install: Install) -> None:
    ref = install("acme-tilt", "acme-tilt", "raise SystemExit('imported')")
    before = set(sys.modules)
    for kind in GROUPS:
        installed(kind)  # type: ignore[arg-type]
    assert find("method", "acme-tilt") == ref
    assert not {m for m in set(sys.modules) - before if m.startswith(("fake_", "devbench_plugins"))}


def test_a_good_plugin_is_loaded(install: Install) -> None:
    install("acme-tilt", "acme-tilt", GOOD)
    assert load_spec(find("method", "acme-tilt")).name == "acme-tilt"
    found = describing.describe([find("method", "acme-tilt")])["method"]
    assert (found["name"], found["distribution"], found["track"]) == (
        "acme-tilt", "acme-tilt", "blind")  # fmt: skip


def test_two_distributions_with_one_name_are_refused_and_both_named(install: Install) -> None:
    install("acme-one", "tilt", GOOD)
    install("acme-two", "tilt", GOOD)
    assert [ref.distribution for ref in installed("method")["tilt"]] == ["acme-one", "acme-two"]
    with pytest.raises(PluginError) as caught:
        find("method", "tilt")
    assert "acme-one" in caught.value.what and "acme-two" in caught.value.what
    assert "acme-one:tilt" in caught.value.fix
    assert find("method", "acme-two:tilt").distribution == "acme-two"
    assert load_spec(find("method", "acme-two:tilt")).name == "tilt"


def test_a_name_of_ours_cannot_be_taken_over(install: Install) -> None:
    install("acme-evil", "baseline", GOOD)
    with pytest.raises(PluginError, match=r"acme-evil.*devbench|devbench.*acme-evil"):
        find("method", "baseline")
    assert find("method", "devbench:baseline").distribution == "devbench"
    assert find("method", "ideal").distribution == "devbench"


def test_a_distribution_that_does_not_offer_the_name(install: Install) -> None:
    install("acme-one", "tilt", GOOD)
    with pytest.raises(UnknownNameError, match="offered by acme-one, not by 'acme-two'") as caught:
        find("method", "acme-two:tilt")
    assert caught.value.fix == "write acme-one:tilt"


@pytest.mark.parametrize(
    ("asked", "near"),
    [
        ("basline", "'baseline'"),
        ("freqmixstyle", "'freq-mixstyle'"),
        ("mixstyle", "'freq-mixstyle'"),
    ],
)
def test_unknown_names_give_near_ones(asked: str, near: str) -> None:
    with pytest.raises(UnknownNameError, match=f"no method named {asked!r}") as caught:
        find("method", asked)
    assert near in caught.value.fix and "devbench ls methods" in caught.value.fix


def test_a_name_of_another_kind_is_unknown() -> None:
    with pytest.raises(UnknownNameError):
        find("backbone", "baseline")


@pytest.mark.parametrize("name", ["Tilt", "tilt_2", "../tilt", "<b>", "tilt\x1b[31m", "x" * 65])
def test_names_that_are_not_allowed_are_refused(install: Install, name: str) -> None:
    install("acme-names", name, GOOD)
    with pytest.raises(
        PluginError, match="acme-names offers a method with a name that is not"
    ) as e:
        find("method", name)
    assert "lower-case words" in e.value.fix
    assert NAME_PATTERN  # what the message promises


BROKEN = {
    "import": ("import not_installed_here", "ModuleNotFoundError.*not_installed_here"),
    "syntax": ("def f(:\n", "SyntaxError"),
    "exit": ("import sys; sys.exit('bye')", "SystemExit: bye"),
    "exception": ("raise ZeroDivisionError('deep')", "ZeroDivisionError: deep"),
    "no-hook": ("x = 1", "no hook devbench_method"),
    "no-mark": (GOOD.replace("@hookimpl", ""), "no hook devbench_method"),
    "none": (GOOD.replace('MethodSpec(name="NAME", build=Method)', "None"), "no hook"),
    "api": (GOOD.replace("build=Method", "build=Method, api=99"), "plugin API 99; this devbench"),
    "other-name": (GOOD.replace('"NAME"', '"else"'), "offers method 'else' where 'NAME'"),
    "bad-name": (GOOD.replace('"NAME"', '"Bad Name"'), "name 'Bad Name' is not allowed"),
    "type": (GOOD.replace('MethodSpec(name="NAME", build=Method)', "{'name': 'NAME'}"),
             "returned a dict, not a MethodSpec"),
    "other-spec": (
        GOOD.replace("MethodSpec(", "BackboneSpec(").replace("Method,", "Method, BackboneSpec,"),
        "returned a BackboneSpec, not a MethodSpec"),
    "arguments": (GOOD.replace("devbench_method()", "devbench_method(batch, rng)"),
                  r"PluginValidationError.*batch.*rng"),
    "raises": (GOOD.replace("    return", "    1 / 0\n        return"), "ZeroDivisionError"),
    "hook-exit": (GOOD.replace("    return", "    raise SystemExit(3)\n        return"),
                  "SystemExit: 3"),
    "needs": (GOOD.replace("build=Method", "build=Method, needs={'labels'}"), "'labels'"),
    "acts-on": (GOOD.replace("build=Method", "build=Method, acts_on='mp3'"), "acts_on is 'mp3'"),
    "typo": (GOOD.replace("devbench_method", "devbench_methd"), "devbench_methd"),
    "attribute": (GOOD, "AttributeError.*nowhere"),
}  # fmt: skip


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_plugin_names_its_maker_the_reason_and_a_fix(install: Install, fault: str) -> None:
    code, words = BROKEN[fault]
    value = "fake_acme_broken:nowhere" if fault == "attribute" else ""
    ref = install("acme-broken", "tilt", code, value=value)
    with pytest.raises(PluginError, match=f"(?s){words.replace('NAME', 'tilt')}") as caught:
        load_spec(find("method", "tilt"))
    assert ref.origin == "acme-broken 1.0"
    assert ref.origin in caught.value.what
    assert caught.value.fix
    assert caught.value.exit_code == 6
    # It is local: others are found and load, and the list still holds everything.
    assert {"tilt", "baseline"} <= installed("method").keys()
    assert load_spec(find("method", "baseline")).name == "baseline"


DEFECTS_OF_BUILD = {
    "no-default": ("def build(x: float): return Method()", "option 'x' of build needs a default"),
    "no-type": ("def build(x=1): return Method()", "option 'x' of build needs a default"),
    "strange-type": ("def build(x: list = []): return Method()", "option 'x' of build"),
    "wrong-default": ("def build(x: float = None): return Method()", "'None', which is no float"),
    "infinite": ("def build(x: float = 1e999): return Method()", "'inf', which is no float"),
    "refuses": ("def build(x: int = 3): raise ValueError('never')", "with x=3: ValueError: never"),
}


@pytest.mark.parametrize("fault", DEFECTS_OF_BUILD)
def test_a_build_that_cannot_be_described_is_named(install: Install, fault: str) -> None:
    line, words = DEFECTS_OF_BUILD[fault]
    install("acme-broken", "tilt", GOOD.replace("build=Method", "build=build") + f"\n    {line}\n")
    with pytest.raises(PluginError, match=words) as caught:
        describing.describe([find("method", "tilt")])
    assert "acme-broken 1.0" in caught.value.what and caught.value.fix


HOSTILE = {
    "os-exit": ("import os; os._exit(3)", "ended with exit code 3"),
    "segfault": ("import ctypes; ctypes.string_at(0)", "ended by SIGSEGV"),
    "endless": ("while True: pass", "took more than 3 s"),
    "abort": ("import os; os.abort()", "ended by SIGABRT"),
    "kill-group": ("import os, signal; os.killpg(0, signal.SIGKILL)", "ended by SIGKILL"),
    "keyboard": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "thread-then-exit": (
        "import threading, os, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\n"
        "os._exit(4)", "ended with exit code 4"),
    "closes-everything": ("import os; os.closerange(0, 256)", "without a result|ended with|130"),
}  # fmt: skip


@pytest.mark.parametrize("fault", HOSTILE)
def test_describe_survives_what_ends_a_process(
    install: Install, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, words = HOSTILE[fault]
    monkeypatch.setattr(describing, "LIMITS", replace(describing.LIMITS, wall_s=3.0))
    install("acme-hostile", "tilt", code)
    good = find("backbone", "small-cnn")
    with pytest.raises(PluginError, match=words) as caught:
        describing.describe([good, find("method", "tilt")])
    assert "method 'tilt' (acme-hostile 1.0)" in caught.value.what  # not the good one before it
    assert "other plugins still work" in caught.value.fix
    assert describing.describe([good])["backbone"]["name"] == "small-cnn"


def test_junk_on_standard_output_is_no_report(
    install: Install, capfd: pytest.CaptureFixture[str]
) -> None:
    junk = """
        import os, sys
        print('{"event": "done", "result": {"method": {"name": "forged"}}}', flush=True)
        os.write(1, b"\\xff\\x1b[31m" * 100_000)
        os.write(2, b"noise")
    """
    install("acme-loud", "tilt", textwrap.dedent(junk) + textwrap.dedent(GOOD))
    assert describing.describe([find("method", "tilt")])["method"]["name"] == "tilt"
    assert capfd.readouterr() == ("", "")  # nothing of it reaches our terminal


def test_junk_on_the_report_pipe_is_refused(install: Install) -> None:
    junk = """
        import contextlib, os
        for fd in range(3, 64):
            with contextlib.suppress(OSError):
                os.write(fd, b"junk\\n")
    """
    install("acme-loud", "tilt", junk)
    with pytest.raises(DevbenchError, match="which is no report"):
        describing.describe([find("method", "tilt")])


@pytest.mark.parametrize(
    "table",
    [b"[devbench.methods]\n\xff\xfe = x\n", b"no equals sign", b"[devbench.methods]\nno sign\n",
     b"[broken\n= = =\n"],
)  # fmt: skip
def test_a_damaged_table_of_entry_points_hides_only_its_own_plugins(
    install: Install, table: bytes
) -> None:
    install("acme-damaged", "tilt", entry_points=table)
    install("acme-whole", "slope", GOOD)
    assert {"baseline", "slope"} <= installed("method").keys()
    assert "tilt" not in installed("method")
    assert load_spec(find("method", "slope")).name == "slope"


def test_a_distribution_twice_on_the_path_is_no_clash(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("acme-tilt", "tilt", GOOD)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert len(installed("method")["tilt"]) == 1
    assert find("method", "tilt").distribution == "acme-tilt"


def test_a_file_is_a_plugin(tmp_path: Path) -> None:
    path = tmp_path / "my_tilt.py"
    path.write_text(textwrap.dedent(GOOD).replace("NAME", "my-tilt"))
    ref = from_file("method", "my-tilt", path)
    assert ref.origin == str(path)
    assert load_spec(ref).name == "my-tilt"
    with pytest.raises(PluginError, match=r"my_tilt\.py offers method 'my-tilt' where 'other'"):
        load_spec(from_file("method", "other", path))


@pytest.mark.parametrize("name", ["missing.py", "text.txt", "."])
def test_what_is_no_python_file_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "text.txt").write_text("x")
    with pytest.raises(UsageError, match="no Python file"):
        from_file("method", "x", tmp_path / name)


def test_a_file_that_is_no_python_is_named(tmp_path: Path) -> None:
    for number, data in enumerate(
        [b"\x00\x01\x02", b"\xff\xfe\xfd", b"def (", b"import nope_nope"]
    ):
        path = tmp_path / f"bad{number}.py"
        path.write_bytes(data)
        with pytest.raises(PluginError, match=rf"bad{number}\.py\) cannot be imported") as caught:
            load_spec(from_file("method", "bad", path))
        assert not isinstance(caught.value, ContractError)


def test_describing_a_built_in_plugin_does_not_load_torch() -> None:
    """Every input error of a run is told within half a second; torch alone takes longer to load."""
    code = """
        import json, sys
        from devbench.registry import GROUPS, installed
        from devbench.running import describe_task
        from types import SimpleNamespace
        kinds = ("method", "backbone", "frontend")
        refs = [ref for kind in kinds for offers in installed(kind).values() for ref in offers]
        ours = [ref.to_dict() for ref in refs if ref.distribution == "devbench"]
        quiet = SimpleNamespace(send=lambda report: None)
        describe_task.run({"plugins": ours, "settings": {}, "cost": False, "features": None}, quiet)
        import torch
        print(sorted(m for m in sys.modules if m.split(".")[0] in ("torch", "torchaudio", "numpy")))
        print(torch.float32, "torch.nn" in sys.modules)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["['torch']", "torch.float32 True"]
