"""Specs: what a plugin offers is checked when it is made."""

from __future__ import annotations

from typing import Any

import pytest

from devbench.contract import hookspecs
from devbench.contract.access import Access
from devbench.contract.method import API_VERSION, Method, MethodSpec
from devbench.contract.parts import BackboneSpec, CorpusSpec, FrontendSpec
from devbench.errors import ConfigurationError, ContractError

SPECS = [MethodSpec, BackboneSpec, FrontendSpec, CorpusSpec]


@pytest.mark.parametrize("spec", SPECS)
def test_names_are_checked_and_the_api_is_this_one(spec: Any) -> None:
    assert spec(name="mine", build=Method).api == API_VERSION
    with pytest.raises(ConfigurationError, match="name 'My Own' is not allowed"):
        spec(name="My Own", build=Method)


def test_every_kind_of_spec_has_its_hook() -> None:
    assert set(hookspecs.SPECS.values()) == set(SPECS)
    for kind in hookspecs.SPECS:
        assert getattr(hookspecs, f"devbench_{kind}").__doc__


def test_needs_may_be_written_as_words() -> None:
    spec = MethodSpec(name="mine", build=Method, needs=frozenset({"device-fr"}))  # type: ignore[arg-type]
    assert spec.needs == frozenset({Access.DEVICE_FR})
    with pytest.raises(ValueError, match="'labels' is not a valid Access"):
        MethodSpec(name="mine", build=Method, needs=frozenset({"labels"}))  # type: ignore[arg-type]


def test_acts_on_is_one_of_two() -> None:
    with pytest.raises(ContractError, match="acts_on is 'image'"):
        MethodSpec(name="mine", build=Method, acts_on="image")  # type: ignore[arg-type]


def test_a_method_that_overrides_nothing_changes_nothing() -> None:
    method, batch, model = Method(), object(), object()
    generator: Any = object()
    assert method.fit(None, None, generator) is None  # type: ignore[arg-type,func-returns-value]
    assert method.augment(batch, generator) is batch  # type: ignore[arg-type]
    assert method.layers({"block1": (8, 40, 40)}) == {}
    assert method.adapt(model, None, generator) is model  # type: ignore[arg-type]
