"""What every built-in method must keep, whatever it does."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from devbench import AccessError, ContractError, Method, MethodSpec, SideInformation
from devbench.registry import find, load_spec
from helpers.views import DEVICES, batch_for, fitted, generator_of, labelled_view, side_of

MC = (
    "mc-100",
    "mc-200",
    *(f"mc-{epochs}-adapt-p{percent}" for epochs in (100, 200) for percent in (50, 100)),
)
UMC = tuple(
    f"umc{form}-{kind}"
    for form in ("", "-half", "-scale", "-mixed", "-level", "-plus", "-unseen")
    for kind in ("real", "synth")
)
BLIND = (
    "baseline",
    "filter-augment",
    "freq-mixstyle",
    "freq-mixstyle-dcase22",
    "freq-mixstyle-dcase23-teacher",
    "freq-mixstyle-passt",
    "freq-mixstyle-dcase25",
    "rfn",
    "res-norm",
    "ada-res-norm",
    "gain",
    "noise",
    "reverb",
    "pitch-shift",
    "spec-augment",
    "mixup",
    "mel-jitter",
    "eq-random",
    "fr-shift-synth",
    "blind-best",
)
TEST_TIME = ("bn-adapt", "tent", "band-align")
NAMES = (
    *BLIND,
    "ideal",
    "fr-shift-real",
    "ltas-shift",
    "spectrum-match",
    "transport-match",
    "unpaired-best",
    "spectrum-correction",
    "eq-match",
    *TEST_TIME,
    *MC,
    *UMC,
)
# Options with which every batch is changed, so that "other seed, other batch" must hold.
ALWAYS = {
    name: {"probability": 1.0}
    for name in BLIND
    if name.startswith(("f", "gain", "noise", "reverb", "pitch", "spec", "mixup", "eq"))
}
ALWAYS["eq-match"] = {"n_pairs": 8}  # its default takes a second of every test
UNCHANGED = ("baseline", "rfn", "res-norm", "ada-res-norm", *TEST_TIME)


@pytest.fixture(params=NAMES)
def spec(request: pytest.FixtureRequest) -> MethodSpec:
    found = load_spec(find("method", request.param))
    assert isinstance(found, MethodSpec)
    return found


@pytest.fixture
def method(spec: MethodSpec) -> Method:
    return fitted(spec, **ALWAYS.get(spec.name, {}))


def test_same_seed_gives_the_same_batch(spec: MethodSpec, method: Method) -> None:
    first, second = (method.augment(batch_for(spec), generator_of(5)) for _ in range(2))
    assert torch.equal(first.clips, second.clips)
    assert torch.equal(first.target, second.target)


def test_another_seed_gives_another_batch(spec: MethodSpec, method: Method) -> None:
    first, second = (method.augment(batch_for(spec), generator_of(seed)).clips for seed in (5, 6))
    same = torch.equal(first, second)
    # one target and every clip converted to it: nothing is left to chance
    assert same == (spec.name in UNCHANGED or spec.name.endswith("adapt-p100"))


def test_fit_is_repeatable(spec: MethodSpec) -> None:
    options = ALWAYS.get(spec.name, {})
    clips = [
        fitted(spec, **options).augment(batch_for(spec), generator_of(5)).clips for _ in range(2)
    ]
    assert torch.equal(*clips)


def test_global_random_state_is_untouched(spec: MethodSpec) -> None:
    before = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    method = fitted(spec, **ALWAYS.get(spec.name, {}))
    method.augment(batch_for(spec), generator_of(5))
    method.layers({"stem": (8, 20, 20)})
    after = random.getstate(), np.random.get_state()[1], torch.get_rng_state()  # noqa: NPY002
    assert before[0] == after[0]
    assert np.array_equal(before[1], after[1])
    assert torch.equal(before[2], after[2])


def test_input_is_not_changed_in_place(spec: MethodSpec, method: Method) -> None:
    batch = batch_for(spec)
    clips, target = batch.clips.clone(), batch.target.clone()
    method.augment(batch, generator_of(5))
    assert torch.equal(batch.clips, clips)
    assert torch.equal(batch.target, target)


@pytest.mark.parametrize("n_clips", [1, 2, 17])
def test_shape_type_and_finiteness_are_kept(spec: MethodSpec, method: Method, n_clips: int) -> None:
    batch = batch_for(spec, n_clips)
    out = method.augment(batch, generator_of(5))
    assert out.clips.shape == batch.clips.shape
    assert out.clips.dtype == torch.float32
    assert bool(out.clips.isfinite().all())
    assert out.target.shape == batch.target.shape
    assert out.target.dtype == torch.float32
    assert torch.allclose(out.target.sum(dim=1), torch.ones(n_clips))
    assert torch.equal(out.bin_hz, batch.bin_hz)


def test_targets_are_kept(spec: MethodSpec, method: Method) -> None:
    batch = batch_for(spec)
    if spec.name not in ("ideal", "mixup"):  # they replace or mix the clips, so their targets too
        assert torch.equal(method.augment(batch, generator_of(5)).target, batch.target)


def test_silence_stays_finite(spec: MethodSpec, method: Method) -> None:
    batch = batch_for(spec, 4)
    batch.clips.fill_(0.0 if spec.acts_on == "waveform" else -100.0)
    assert bool(method.augment(batch, generator_of(5)).clips.isfinite().all())


def test_what_is_read_is_declared(spec: MethodSpec) -> None:
    if not spec.needs or spec.name in TEST_TIME:  # test clips are not there in fit
        return
    side = SideInformation(spec.name, frozenset(), DEVICES[0], DEVICES[1:], DEVICES)
    if spec.name in MC:  # all it asks for is a converter; whoever builds that reads the clips
        with pytest.raises(ContractError, match="asks for artifact 'mc'"):
            spec.build().fit(labelled_view(DEVICES[0]), side, generator_of(0))
        return
    with pytest.raises(AccessError, match="does not declare"):
        spec.build().fit(labelled_view(DEVICES[0]), side, generator_of(0))


def test_blind_methods_are_declared_blind(spec: MethodSpec) -> None:
    method = spec.build(**ALWAYS.get(spec.name, {}))
    blind = SideInformation(spec.name, frozenset(), DEVICES[0], DEVICES[1:])
    if spec.name in BLIND:
        assert not spec.needs
        method.fit(labelled_view(DEVICES[0]), blind, generator_of(0))
    else:
        assert spec.needs
        method.fit(labelled_view(DEVICES[0]), side_of(spec), generator_of(0))


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("filter-augment", {"probability": 1.5}, "probability"),
        ("filter-augment", {"min_gain_db": 3.0, "max_gain_db": -3.0}, "min_gain_db"),
        ("freq-mixstyle", {"alpha": 0.0}, "alpha"),
        ("rfn", {"layer_norm_share": -0.1}, "layer_norm_share"),
        ("res-norm", {"share": 1.1}, "share"),
        ("gain", {"reach_db": -1.0}, "reach_db"),
        ("noise", {"min_snr_db": 60.0, "max_snr_db": 20.0}, "min_snr_db"),
        ("reverb", {"min_rt60_s": 1.0}, "min_rt60_s"),
        ("reverb", {"min_direct_db": 20.0}, "min_direct_db"),
        ("pitch-shift", {"reach_semitones": 13}, "reach_semitones"),
        ("spec-augment", {"max_bins": 1.5}, "max_bins"),
        ("mixup", {"alpha": 0.0}, "alpha"),
        ("mel-jitter", {"highest_reach_hz": 9000.0}, "highest_reach_hz"),
        ("eq-random", {"least_quality": 5.0, "greatest_quality": 1.0}, "least_quality"),
        ("fr-shift-synth", {"min_snr_db": 60.0, "max_snr_db": 20.0}, "min_snr_db"),
        ("eq-match", {"n_pairs": 0}, "n_pairs"),
        ("eq-match", {"jitter_db": 11.0}, "jitter_db"),
        ("eq-match", {"stretch": -0.1}, "stretch"),
        ("eq-match", {"estimator_seed": -1}, "estimator_seed"),
    ],
)
def test_options_out_of_range_are_refused(name: str, options: dict[str, float], words: str) -> None:
    with pytest.raises(ContractError, match=words):
        load_spec(find("method", name)).build(**options)
