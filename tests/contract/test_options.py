"""Options: the typed keyword arguments of `build`, set as text and checked before anything runs."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devbench.contract.options import (
    Folder,
    Option,
    arguments,
    options_of,
    parse_settings,
    resolve,
)
from devbench.errors import ConfigurationError, ContractError, UnknownNameError, UsageError

if TYPE_CHECKING:
    from torch import nn


def build(
    n_classes: int,
    *,
    alpha: float = 1,
    width: int = 3,
    loud: bool = False,
    note: str = "",
    mode: Literal["step", "linear"] = "step",
    either: int | float = 2.5,
) -> nn.Module:
    raise NotImplementedError


OPTIONS = options_of(build, given=("n_classes",))


def test_types_defaults_and_choices_are_read_from_the_signature() -> None:
    assert options_of(build, given=("n_classes",)) == [
        Option("alpha", "float", 1),
        Option("width", "int", 3),
        Option("loud", "bool", False),
        Option("note", "str", ""),
        Option("mode", "str", "step", ("step", "linear")),
        Option("either", "float", 2.5),
    ]
    assert resolve(OPTIONS, {}, owner="m") == {option.name: option.default for option in OPTIONS}


class Tilt:
    def __init__(self, slope_db: float = 3.0) -> None:
        self.slope_db = slope_db


class Pooled:
    def __init__(self, folder: Folder = None, width: int = 2) -> None:
        self.folder = folder


class Plain:
    pass


def test_a_folder_is_a_path_or_none_to_build() -> None:
    options = options_of(Pooled)
    assert options[0] == Option("folder", "folder", "folder:")
    assert arguments(options, resolve(options, {}, owner="m")) == {"folder": None, "width": 2}
    given_one = resolve(options, {"folder": "some/pool"}, owner="m")
    assert arguments(options, given_one) == {"folder": Path("some/pool"), "width": 2}


def test_a_text_stays_one_however_it_begins() -> None:
    values = resolve(OPTIONS, {"note": "folder:abc"}, owner="m")
    assert arguments(OPTIONS, values) == values and values["note"] == "folder:abc"


def must_have(folder: Path) -> None: ...


def test_a_path_without_a_default_must_be_given() -> None:
    assert options_of(must_have) == [Option("folder", "folder", "folder:", is_required=True)]
    assert not options_of(Pooled)[0].is_required


def test_a_class_is_built_from_its_own_arguments() -> None:
    assert options_of(Tilt) == [Option("slope_db", "float", 3.0)]
    assert options_of(Plain) == []


def no_default(x: float) -> None: ...
def no_type(x=1) -> None: ...  # type: ignore[no-untyped-def]
def a_list(x: list[int] = []) -> None: ...  # noqa: B006
def optional(x: float | None = None) -> None: ...
def unknown(x: Nowhere = 1) -> None: ...  # type: ignore[name-defined]  # noqa: F821
def a_number(x: Literal[1, 2] = 1) -> None: ...
def many(**x: float) -> None: ...
def none(x: float = None) -> None: ...  # type: ignore[assignment]  # noqa: RUF013
def text(x: int = "1") -> None: ...  # type: ignore[assignment]
def truth(x: int = True) -> None: ...
def fraction(x: int = 1.5) -> None: ...  # type: ignore[assignment]
def no_number(x: float = math.nan) -> None: ...
def endless(x: float = math.inf) -> None: ...
def other(x: Literal["a", "b"] = "c") -> None: ...  # type: ignore[assignment]
def one(x: bool = 1) -> None: ...  # type: ignore[assignment]


@pytest.mark.parametrize(
    "function",
    [no_default, no_type, a_list, optional, unknown, a_number, many, none, text, truth, fraction,
     no_number, endless, other, one],
)  # fmt: skip
def test_options_that_cannot_be_set_or_recorded_are_refused(function: Any) -> None:
    with pytest.raises(ContractError, match=f"option 'x' of {function.__name__}") as caught:
        options_of(function)
    assert caught.value.fix


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("alpha", "0.5", 0.5),
        ("alpha", "-1e-3", -0.001),
        ("either", "2", 2.0),
        ("width", "-7", -7),
        ("loud", "TRUE", True),
        ("loud", "0", False),
        ("note", "a=b c", "a=b c"),
        ("note", "", ""),
        ("mode", "linear", "linear"),
    ],
)
def test_texts_become_values(name: str, text: str, value: object) -> None:
    found = resolve(OPTIONS, {name: text}, owner="m")
    assert found[name] == value and type(found[name]) is type(value)
    assert {k: v for k, v in found.items() if k != name} == {
        option.name: option.default for option in OPTIONS if option.name != name
    }


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("alpha", "much", "a number"),
        ("alpha", "nan", "a number"),
        ("alpha", "inf", "a number"),
        ("alpha", "1e999", "a number"),
        ("alpha", "", "a number"),
        ("width", "1.0", "a whole number"),
        ("width", "1" * 400, "a whole number"),
        ("width", "1" * 5000, "a whole number"),
        ("loud", "yes", "true or false"),
        ("mode", "cubic", "step or linear"),
    ],
)
def test_texts_of_another_type_are_refused(name: str, text: str, expected: str) -> None:
    with pytest.raises(ConfigurationError, match=f"option {name!r} of m is") as caught:
        resolve(OPTIONS, {name: text}, owner="m")
    assert caught.value.fix == f"expected {expected}"
    assert len(caught.value.what) < 150


def test_unknown_options_get_near_names() -> None:
    with pytest.raises(UnknownNameError, match="no option of m named 'alfa'") as caught:
        resolve(OPTIONS, {"alfa": "1"}, owner="m")
    assert "'alpha'" in caught.value.fix and "devbench show m" in caught.value.fix


@given(
    found=st.dictionaries(
        st.text(min_size=1).filter(lambda k: "=" not in k and k.strip() == k),
        st.text().map(str.strip),
        max_size=5,
    )
)
def test_settings_are_split_at_the_first_sign(found: dict[str, str]) -> None:
    assert parse_settings([f" {key} = {value} " for key, value in found.items()]) == found


@pytest.mark.parametrize("text", ["", "alpha", "=1", "  =1"])
def test_settings_of_another_form_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="has no '='") as caught:
        parse_settings([text])
    assert caught.value.fix == "write --set name=value"


def test_an_option_set_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="'a' is given twice"):
        parse_settings(["a=1", "b=2", "a =1"])
