"""Scales: what a method may act on, by what it says, what it gets, and what is known of it."""

from __future__ import annotations

import pytest

from devbench.contract.method import Method, MethodSpec
from devbench.contract.parts import BackboneSpec, FrontendSpec
from devbench.contract.scales import ALL, BUILT_IN, SCALES, scales_of
from devbench.errors import ContractError
from devbench.registry import installed


def test_a_method_that_says_nothing_acts_on_decibels_alone() -> None:
    assert scales_of(MethodSpec(name="mine", build=Method), "acme") == {"db"}
    assert scales_of(MethodSpec(name="mixup", build=Method), "acme") == {"db"}  # another's mixup
    assert scales_of(MethodSpec(name="mixup", build=Method), "devbench") == ALL


def test_what_a_method_says_counts() -> None:
    own = MethodSpec(name="mixup", build=Method, scales=frozenset({"cepstral"}))
    assert scales_of(own, "devbench") == {"cepstral"}


def test_before_the_front_end_every_scale_is_right() -> None:
    assert scales_of(MethodSpec(name="mine", build=Method, acts_on="waveform"), "acme") == ALL


def test_built_in_methods_that_are_told_of_exist_and_act_on_decibels() -> None:
    assert set(BUILT_IN) <= set(installed("method"))
    for name, scales in BUILT_IN.items():
        assert {"db"} <= scales <= set(SCALES), name


def test_no_other_word_is_a_scale() -> None:
    with pytest.raises(ContractError, match="no scale 'mel'"):
        MethodSpec(name="mine", build=Method, scales=frozenset({"mel"}))  # type: ignore[arg-type]
    with pytest.raises(ContractError, match="no scale 'mel'"):
        FrontendSpec(name="mine", build=Method, scale="mel")  # type: ignore[arg-type]
    with pytest.raises(ContractError, match="takes is 'pictures'"):
        BackboneSpec(name="mine", build=Method, takes="pictures")  # type: ignore[arg-type]
