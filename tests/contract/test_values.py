"""Values of the contract check themselves; shifts between devices undo each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from devbench.contract.values import Device, FeatureSpec, FrequencyResponse, shift_db
from devbench.errors import ConfigurationError, ContractError

Floats = NDArray[np.float64]
FREQ_HZ = np.geomspace(20.0, 16_000.0, 200)


@st.composite
def responses(draw: st.DrawFn) -> FrequencyResponse:
    steps = draw(st.lists(st.floats(0.01, 2.0), min_size=2, max_size=40))
    gains = st.lists(st.floats(-80, 40), min_size=len(steps), max_size=len(steps))
    return FrequencyResponse(30.0 * np.exp(np.cumsum(steps)), np.array(draw(gains)))


@given(source=responses(), target=responses(), third=responses())
def test_shifts_undo_themselves_and_add_up(
    source: FrequencyResponse, target: FrequencyResponse, third: FrequencyResponse
) -> None:
    there = shift_db(source, target, FREQ_HZ)
    assert np.allclose(there, -shift_db(target, source, FREQ_HZ), atol=1e-12)
    assert not shift_db(source, source, FREQ_HZ).any()
    by_way = there + shift_db(target, third, FREQ_HZ)
    assert np.allclose(by_way, shift_db(source, third, FREQ_HZ), atol=1e-9)


@given(response=responses())
def test_a_response_passes_through_its_points_and_is_flat_beyond(
    response: FrequencyResponse,
) -> None:
    assert np.allclose(response.at(response.freq_hz), response.gain_db, atol=1e-6)
    assert response.at(np.array([1e-9, 0.0])).tolist() == [response.gain_db[0]] * 2
    assert response.at(np.array([1e40])).tolist() == [response.gain_db[-1]]
    found = response.at(FREQ_HZ)
    assert found.dtype == np.float64
    assert response.gain_db.min() <= found.min() and found.max() <= response.gain_db.max()


def test_between_points_it_is_linear_in_log_frequency() -> None:
    response = FrequencyResponse(np.array([100.0, 10_000.0]), np.array([0.0, 10.0]))
    assert response.at(np.array([1000.0]))[0] == pytest.approx(5.0, abs=1e-12)


@pytest.mark.parametrize(
    ("freq_hz", "gain_db", "words"),
    [
        ([100.0, 200.0], [0.0], "freq_hz .* and gain_db .* equal"),
        ([[100.0, 200.0]], [[0.0, 0.0]], "freq_hz .* and gain_db .* equal"),
        ([100.0], [0.0], "rise strictly"),
        ([], [], "rise strictly"),
        ([0.0, 100.0], [0.0, 0.0], "above 0 Hz"),
        ([200.0, 100.0], [0.0, 0.0], "rise strictly"),
        ([100.0, 100.0], [0.0, 0.0], "rise strictly"),
        ([100.0, np.nan], [0.0, 0.0], "freq_hz holds NaN"),
        ([100.0, np.inf], [0.0, 0.0], "freq_hz holds NaN or infinity"),
        ([100.0, 200.0], [0.0, np.nan], "gain_db holds NaN"),
        ([100.0, 200.0], [-np.inf, 0.0], "gain_db holds NaN or infinity"),
    ],
)
def test_responses_that_cannot_be_are_refused(freq_hz: Floats, gain_db: Floats, words: str) -> None:
    with pytest.raises(ContractError, match=words) as caught:
        FrequencyResponse(np.array(freq_hz), np.array(gain_db))
    assert caught.value.fix


@pytest.mark.parametrize(
    "changes",
    [{"fmin_hz": -1.0}, {"fmin_hz": 11025.0}, {"fmax_hz": 11026.0}, {"sample_rate_hz": 8000},
     {"fmax_hz": float("nan")}],
)  # fmt: skip
def test_features_that_do_not_fit_the_rate_are_refused(changes: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match="do not fit a rate") as caught:
        FeatureSpec(**changes)  # type: ignore[arg-type]
    assert "sample_rate_hz / 2" in caught.value.fix


def test_the_papers_features_give_80_frames_of_20480_samples() -> None:
    assert FeatureSpec().n_frames(20_480) == 81
    assert FeatureSpec().n_frames(0) == 1


def test_a_device_has_a_slug() -> None:
    assert Device("iphone14", "iPhone 14", "phone", 48_000, "measured").id == "iphone14"
    with pytest.raises(ConfigurationError, match="device name 'iPhone 14' is not allowed"):
        Device("iPhone 14", "iPhone 14", "phone", 48_000, "measured")
