"""Every headline figure, defined once: confusion, macro_f1@1, weighted F1, means, gap_closed.

Counts are divided and summed in one correctly rounded way (`math.fsum`), so that the same logits
give the same last bit on every machine; verification at level V1 asks for exactly that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from devbench.errors import DataError
from devbench.results.record import DeviceScore, Summary

if TYPE_CHECKING:
    from typing import Literal

    import numpy as np
    from numpy.typing import NDArray

METRIC = "macro_f1@1"


def confusion(
    labels: NDArray[np.int64], logits: NDArray[np.float32], n_classes: int
) -> NDArray[np.int64]:
    """Count clips by class: [true, predicted].

    labels: [clip] class indices. logits: [clip, class], finite; of equal logits the first wins.
    Raises DataError for no clips, wrong shapes, labels outside the classes, NaN and infinity.
    """
    import numpy as np

    if labels.ndim != 1 or len(labels) == 0 or logits.shape != (len(labels), n_classes):
        raise DataError(
            f"labels {labels.shape} and logits {logits.shape} do not fit {n_classes} classes",
            fix="give one row of logits per label and one column per class, at least one row",
        )
    if not np.issubdtype(labels.dtype, np.integer) or labels.min() < 0 or labels.max() >= n_classes:
        raise DataError(
            f"labels run from {labels.min()} to {labels.max()} with {n_classes} classes",
            fix="give whole numbers from 0 to the number of classes - 1",
        )
    if not np.isfinite(logits).all():
        row = int(np.flatnonzero(~np.isfinite(logits).all(axis=1))[0])
        raise DataError(
            f"logits of clip {row} are not finite", fix="a run with NaN or infinity has no score"
        )
    cells = labels.astype(np.int64) * n_classes + logits.argmax(axis=1)
    return np.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes)


def class_f1(counts: NDArray[np.int64]) -> list[float]:
    """Return the F1 of each class; counts is [true, predicted].

    A class that is neither present nor predicted scores 0 (zero_division = 0), so all devices
    share one denominator; a benchmark in which that happens is refused when it is opened.
    """
    hits: list[int] = counts.diagonal().tolist()
    mass: list[int] = (counts.sum(axis=0) + counts.sum(axis=1)).tolist()
    return _f1(hits, mass)


def _f1(hits: Sequence[int], mass: Sequence[int]) -> list[float]:
    """Return the F1 of each class from its hits (TP) and its mass (2 TP + FP + FN)."""
    return [2 * h / m if m else 0.0 for h, m in zip(hits, mass, strict=True)]


def macro_f1(counts: NDArray[np.int64]) -> float:
    """Return macro_f1@1, the unweighted mean F1 over the class list; counts is [true, predicted].

    Raises DataError where there is nothing to score.
    """
    return mean(class_f1(_require_counts(counts)))


def weighted_f1(counts: NDArray[np.int64]) -> float:
    """Return the mean F1 over classes weighted by the number of true clips of each class."""
    support: list[int] = _require_counts(counts).sum(axis=1).tolist()
    return _weighted(class_f1(counts), support)


def _weighted(scores: Sequence[float], support: Sequence[int]) -> float:
    return math.fsum(n * f1 for n, f1 in zip(support, scores, strict=True)) / sum(support)


def score_device(
    *,
    device: str,
    role: Literal["source", "target"],
    labels: NDArray[np.int64],
    logits: NDArray[np.float32],
    n_classes: int,
) -> DeviceScore:
    """Return the scores of one device from its labels [clip] and logits [clip, class]."""
    return score_counts(device=device, role=role, counts=confusion(labels, logits, n_classes))


def score_counts(
    *, device: str, role: Literal["source", "target"], counts: NDArray[np.int64]
) -> DeviceScore:
    """Return the scores of one device from its confusion matrix [true, predicted]."""
    scores = class_f1(_require_counts(counts))
    support: list[int] = counts.sum(axis=1).tolist()
    return DeviceScore(
        device=device,
        role=role,
        macro_f1=mean(scores),
        weighted_f1=_weighted(scores, support),
        n_clips=sum(support),
        confusion=counts.tolist(),
    )


def figures_of(counts: NDArray[np.int64]) -> list[tuple[float, float, int]]:
    """Return macro F1, weighted F1 and number of clips of many devices at once.

    counts: [device, true, predicted]; every device has clips. The same figures as `score_counts`.
    """
    hits: list[list[int]] = counts.diagonal(axis1=1, axis2=2).tolist()
    support: list[list[int]] = counts.sum(axis=2).tolist()
    mass: list[list[int]] = (counts.sum(axis=1) + counts.sum(axis=2)).tolist()
    found = []
    for own_hits, own_mass, own_support in zip(hits, mass, support, strict=True):
        scores = _f1(own_hits, own_mass)
        found.append((mean(scores), _weighted(scores, own_support), sum(own_support)))
    return found


def summarise(scores: Sequence[DeviceScore]) -> Summary:
    """Return the headline figures of one run.

    mean_targets leaves the source out, mean_all counts it in; source and mean_all are None in a
    run with one classifier per target. spread is the population SD over targets. Of equal
    targets the first is the worst.
    """
    targets = [score for score in scores if score.role == "target"]
    if not targets:
        raise DataError("no target device was scored", fix="score at least one target device")
    worst = min(targets, key=lambda score: score.macro_f1)
    source = next((score.macro_f1 for score in scores if score.role == "source"), None)
    values = [score.macro_f1 for score in targets]
    return Summary(
        mean_targets=mean(values),
        worst_target=worst.macro_f1,
        worst_device=worst.device,
        source=source,
        mean_all=None if source is None else mean([source, *values]),
        spread=population_sd(values),
    )


def gap_closed(mean_targets: float, baseline: float, ideal: float) -> float | None:
    """Return how much of the loss is won back: 0 at the baseline, 1 at the ideal.

    All three are mean_targets on the same benchmark, backbone, budget, source, seed and fold.
    None where the ideal is not above the baseline: then there is no gap to close.
    """
    gap = ideal - baseline
    return (mean_targets - baseline) / gap if gap > 0 else None


def mean(values: Sequence[float]) -> float:
    """Return the mean of at least one value, summed without rounding error."""
    return math.fsum(values) / len(values)


def population_sd(values: Sequence[float]) -> float:
    """Return the standard deviation with n in the denominator."""
    centre = mean(values)
    return math.sqrt(mean([(value - centre) ** 2 for value in values]))


def device_interval(values: Sequence[float]) -> float | None:
    """Return the papers' ±: t(0.975, n-1) · population SD / √n over target devices of ONE run.

    It says how much devices differ, not how much a repetition would; never mix it with an
    interval over seeds. None for fewer than two devices. Source: recomputed from the table of
    Microphone Conversion (arXiv 2401.06913), whose 16 rows it gives within 0.0006.
    """
    n = len(values)
    if n < 2:
        return None
    return student_t_975(n - 1) * population_sd(values) / math.sqrt(n)


def student_t_975(freedom: int) -> float:
    """Return the 0.975 quantile of Student's t for a whole number of degrees of freedom.

    Bisection on the finite series of Abramowitz and Stegun 26.7.3 and 26.7.4; 12 decimals.
    """
    low, high = 1.0, 13.0  # t(0.975) falls from 12.706 (one degree) to 1.960
    while high - low > 1e-14 * high:
        middle = (low + high) / 2
        if _central_t_mass(middle, freedom) < 0.95:
            low = middle
        else:
            high = middle
    return round(low, 12)


def _central_t_mass(t: float, freedom: int) -> float:
    """Return P(|T| < t)."""
    angle = math.atan2(t, math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    term = cosine if odd else 1.0
    total = term if freedom > 1 else 0.0
    for k in range(3 if odd else 2, freedom - 1, 2):
        term *= cosine * cosine * (k - 1) / k
        total += term
    return 2 / math.pi * (angle + sine * total) if odd else sine * total


def _require_counts(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or counts.sum() <= 0:
        raise DataError(
            f"a confusion matrix of shape {counts.shape} with {int(counts.sum())} clips",
            fix="give a square matrix [true, predicted] of at least one clip",
        )
    return counts
