from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from devbench.errors import DataError
from devbench.results.metrics import (
    class_f1,
    confusion,
    device_interval,
    figures_of,
    gap_closed,
    macro_f1,
    population_sd,
    score_counts,
    score_device,
    student_t_975,
    summarise,
    weighted_f1,
)
from devbench.results.record import DeviceScore

TOLERANCE = 1e-12  # the order of summation is all that may differ


@st.composite
def predictions(draw: st.DrawFn, fewest: int = 1) -> tuple[list[int], list[int], int]:
    n_classes = draw(st.integers(fewest, 8))
    index = st.integers(0, n_classes - 1)
    pairs = draw(st.lists(st.tuples(index, index), min_size=1, max_size=60))
    return [t for t, _ in pairs], [p for _, p in pairs], n_classes


def one_hot(predicted: list[int], n_classes: int) -> NDArray[np.float32]:
    return np.eye(n_classes, dtype=np.float32)[predicted]


def slow_f1(true: list[int], predicted: list[int], n_classes: int) -> tuple[Fraction, Fraction]:
    """Macro and weighted F1 by their definition, in fractions."""
    scores, support = [], []
    for c in range(n_classes):
        hits = sum(t == p == c for t, p in zip(true, predicted, strict=True))
        found, there = predicted.count(c), true.count(c)
        precision = Fraction(hits, found) if found else Fraction(0)
        recall = Fraction(hits, there) if there else Fraction(0)
        both = precision + recall
        scores.append(2 * precision * recall / both if both else Fraction(0))
        support.append(there)
    weighted = sum(s * n for s, n in zip(scores, support, strict=True)) / len(true)
    return sum(scores, Fraction(0)) / n_classes, Fraction(weighted)


@given(predictions())
@settings(max_examples=300, deadline=None)
def test_f1_equals_the_definition_in_fractions(case: tuple[list[int], list[int], int]) -> None:
    true, predicted, n_classes = case
    counts = confusion(np.array(true), one_hot(predicted, n_classes), n_classes)
    macro, weighted = slow_f1(true, predicted, n_classes)
    assert abs(macro_f1(counts) - float(macro)) <= TOLERANCE
    assert abs(weighted_f1(counts) - float(weighted)) <= TOLERANCE


@given(predictions(fewest=2))  # scikit-learn warns of one class
@settings(max_examples=60, deadline=None)
def test_f1_equals_scikit_learn(case: tuple[list[int], list[int], int]) -> None:
    from sklearn.metrics import confusion_matrix, f1_score

    true, predicted, n_classes = case
    names = list(range(n_classes))
    counts = confusion(np.array(true), one_hot(predicted, n_classes), n_classes)
    assert (counts == confusion_matrix(true, predicted, labels=names)).all()
    for average, own in (("macro", macro_f1(counts)), ("weighted", weighted_f1(counts))):
        theirs = f1_score(true, predicted, labels=names, average=average, zero_division=0)
        assert abs(own - theirs) <= TOLERANCE


@given(predictions(), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_f1_does_not_depend_on_order(
    case: tuple[list[int], list[int], int], random: object
) -> None:
    true, predicted, n_classes = case
    rename = list(range(n_classes))
    order = list(range(len(true)))
    random.shuffle(rename)  # type: ignore[attr-defined]
    random.shuffle(order)  # type: ignore[attr-defined]
    before = confusion(np.array(true), one_hot(predicted, n_classes), n_classes)
    after = confusion(
        np.array([rename[true[i]] for i in order]),
        one_hot([rename[predicted[i]] for i in order], n_classes),
        n_classes,
    )
    assert macro_f1(before) == macro_f1(after)  # fsum is exact: order cannot matter
    assert abs(weighted_f1(before) - weighted_f1(after)) <= TOLERANCE


def test_f1_of_perfect_wrong_and_absent_classes() -> None:
    labels = np.array([0, 1, 2, 0])
    assert macro_f1(confusion(labels, one_hot([0, 1, 2, 0], 3), 3)) == 1.0
    assert macro_f1(confusion(labels, one_hot([1, 2, 0, 1], 3), 3)) == 0.0
    # a class that is neither there nor predicted counts as 0 in the mean
    assert macro_f1(confusion(labels, one_hot([0, 1, 2, 0], 4), 4)) == 0.75
    assert weighted_f1(confusion(labels, one_hot([0, 1, 2, 0], 4), 4)) == 1.0


def test_a_small_number() -> None:
    # class 0: 2TP/(2TP+FP+FN) = 2/3; class 1: 4/5
    counts = np.array([[1, 1], [0, 2]])
    assert class_f1(counts) == [2 / 3, 0.8]
    assert macro_f1(counts) == pytest.approx(11 / 15)
    assert weighted_f1(counts) == pytest.approx(11 / 15)


def test_equal_logits_go_to_the_first_class() -> None:
    assert confusion(np.array([1]), np.zeros((1, 3), np.float32), 3)[1, 0] == 1


@pytest.mark.parametrize(
    ("labels", "logits"),
    [
        (np.array([], dtype=int), np.zeros((0, 2), np.float32)),
        (np.array([0]), np.zeros((2, 2), np.float32)),
        (np.array([0]), np.zeros((1, 3), np.float32)),
        (np.array([[0]]), np.zeros((1, 2), np.float32)),
        (np.array([2]), np.zeros((1, 2), np.float32)),
        (np.array([-1]), np.zeros((1, 2), np.float32)),
        (np.array([0.0]), np.zeros((1, 2), np.float32)),
        (np.array([0]), np.array([[np.nan, 0]], np.float32)),
        (np.array([0]), np.array([[0, np.inf]], np.float32)),
    ],
)
def test_what_cannot_be_scored_is_refused(
    labels: NDArray[np.int64], logits: NDArray[np.float32]
) -> None:
    with pytest.raises(DataError):
        confusion(labels, logits, 2)


@pytest.mark.parametrize("counts", [np.zeros((2, 2), int), np.ones((2, 3), int), np.ones(2, int)])
def test_no_counts_no_score(counts: NDArray[np.int64]) -> None:
    with pytest.raises(DataError):
        macro_f1(counts)
    with pytest.raises(DataError):
        weighted_f1(counts)


def device(name: str, f1: float, role: str = "target") -> DeviceScore:
    fields = {"weighted_f1": f1, "n_clips": 1, "confusion": [[1]]}
    return DeviceScore(device=name, role=role, macro_f1=f1, **fields)  # type: ignore[arg-type]


def test_summary_leaves_the_source_out_of_one_mean_and_counts_it_in_the_other() -> None:
    scores = [device("s", 1.0, "source"), device("b", 0.2), device("a", 0.2), device("c", 0.8)]
    summary = summarise(scores)
    assert summary.mean_targets == pytest.approx(0.4)
    assert summary.mean_all == pytest.approx(0.55)
    assert (summary.worst_target, summary.worst_device) == (0.2, "b")  # the first of equals
    assert summary.source == 1.0
    assert summary.spread == pytest.approx(np.std([0.2, 0.2, 0.8]))


def test_summary_without_source_or_targets() -> None:
    summary = summarise([device("a", 0.5)])
    assert summary.source is None
    assert summary.mean_all is None
    with pytest.raises(DataError, match="no target"):
        summarise([device("s", 1.0, "source")])


def test_gap_closed_is_0_at_the_baseline_and_1_at_the_ideal() -> None:
    assert gap_closed(0.5, 0.5, 0.9) == 0
    assert gap_closed(0.9, 0.5, 0.9) == 1
    assert gap_closed(0.4, 0.5, 0.9) == pytest.approx(-0.25)
    assert gap_closed(0.5, 0.9, 0.9) is None
    assert gap_closed(0.5, 0.9, 0.8) is None


def test_student_t_equals_scipy() -> None:
    from scipy.stats import t

    for freedom in range(1, 120):
        assert student_t_975(freedom) == pytest.approx(t.ppf(0.975, freedom), abs=1e-11)


def test_device_interval() -> None:
    assert device_interval([0.5]) is None
    values = [0.1, 0.4, 0.7]
    assert device_interval(values) == pytest.approx(4.302652729911 * np.std(values) / np.sqrt(3))
    assert population_sd([0.3, 0.3]) == 0


def test_score_device_holds_everything_of_one_device() -> None:
    score = score_device(
        device="a",
        role="target",
        labels=np.array([0, 1, 1]),
        logits=one_hot([0, 1, 0], 2),
        n_classes=2,
    )
    assert (score.n_clips, score.confusion) == (3, [[1, 0], [1, 1]])


@settings(max_examples=50)
@given(seed=st.integers(0, 2**32 - 1), n_devices=st.integers(1, 4), n_classes=st.integers(1, 5))
def test_many_devices_at_once_have_the_figures_of_one(
    seed: int, n_devices: int, n_classes: int
) -> None:
    draw = np.random.default_rng(seed)
    counts = draw.integers(0, 4, (n_devices, n_classes, n_classes)) * draw.integers(0, 2)
    counts[:, 0, 0] += 1
    for own, figures in zip(counts, figures_of(counts), strict=True):
        score = score_counts(device="a", role="target", counts=own)
        assert figures == (score.macro_f1, score.weighted_f1, score.n_clips)
