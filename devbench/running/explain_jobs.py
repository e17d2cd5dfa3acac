"""What is handed to the workers that explain: one collects statistics, one estimates from them."""

from __future__ import annotations

from devbench.explaining.documents import Protocol
from devbench.running.jobs import FitJob, Job, ModelJob


class ClassifierLayers(Job):
    """Collect statistics of a stored classifier's layers on the staged clips beside job.json.

    groups: rows of each device's clips, in the order of prediction; which device is not told.
    """

    model: ModelJob
    weights: str
    weights_sha256: str
    groups: list[list[int]]


class ConverterLayers(Job):
    """Fit as a run does, convert the source clips in `clips` to every target, and collect."""

    fit: FitJob
    clips: str
    targets: list[str]


class ExplainJob(Job):
    """One of the two. only: names of layers to collect; None: all."""

    classifier: ClassifierLayers | None = None
    converter: ConverterLayers | None = None
    only: list[str] | None = None


class EstimateJob(Job):
    """Estimate what each file of statistics ([sample, feature]) tells of the labels.

    labels, groups: of every sample, the same for all files.
    """

    files: list[str]
    labels: list[int]
    groups: list[int]
    protocol: Protocol
