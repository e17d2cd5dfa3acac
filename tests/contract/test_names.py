"""Names: one form for plugins, devices and classes, and near matches for those that are unknown."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devbench.contract.names import MAX_NAME_LENGTH, is_name, require_known, require_name
from devbench.errors import ConfigurationError, UnknownNameError

GOOD = ["a", "0", "umc-synth", "iphone14", "micirp-foster-dynamic-df1", "a" * 64]
BAD = ["", "-", "-a", "a-", "a--b", "A", "a_b", "a.b", "a b", "a\n", "ä", "²", "a/b", "..",
       "a" * 65,
       "<b>", "=cmd", "a\x00", "\u0661"]  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_public_names(name: str) -> None:
    assert is_name(name)
    assert require_name("method", name) == name


@pytest.mark.parametrize("name", BAD, ids=repr)
def test_other_texts_are_no_names(name: str) -> None:
    assert not is_name(name)
    with pytest.raises(ConfigurationError, match="method name") as caught:
        require_name("method", name)
    assert str(MAX_NAME_LENGTH) in caught.value.fix
    assert caught.value.what.isprintable()


@given(text=st.text(max_size=70))
def test_a_name_is_safe_wherever_it_is_written(text: str) -> None:
    """As a file, an option, a cell, a piece of HTML: no name needs quoting."""
    if is_name(text):
        assert text.isascii() and text == text.lower() and text[0] != "-" and 0 < len(text) <= 64
        assert not set(text) & set("/\\. \t\n\"'<>&=+@`$")


@pytest.mark.parametrize(
    ("asked", "near"),
    [
        ("iphone41", "'iphone14'"),
        ("IPHONE14", None),
        ("phone", "'iphone14'"),
        ("iphone14-black", "'iphone14'"),
        ("zzz", None),
        ("", None),
    ],
)
def test_unknown_names_get_near_ones(asked: str, near: str | None) -> None:
    with pytest.raises(UnknownNameError) as caught:
        require_known("device", asked, ["iphone14", "lggram"], list_command="devbench ls devices")
    assert caught.value.what == f"no device named {asked!r}"
    assert caught.value.fix.endswith("(list them: devbench ls devices)")
    if near:
        assert f"did you mean {near}? " in caught.value.fix
    elif asked != "IPHONE14":
        assert "did you mean" not in caught.value.fix


def test_known_names_pass() -> None:
    assert require_known("device", "a", iter(["b", "a"]), list_command="x") == "a"


def test_a_very_long_name_is_answered_at_once_and_shortened() -> None:
    started = time.perf_counter()
    with pytest.raises(UnknownNameError) as caught:
        require_known("device", "x\x1b" * 500_000, ["iphone14"] * 100, list_command="x")
    assert len(caught.value.what) < 400 and caught.value.what.isprintable()
    assert time.perf_counter() - started < 5  # nothing quadratic
