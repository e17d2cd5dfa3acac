"""Scoring: logits meet labels in a process that has loaded no plugin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from devbench.results.logits import StoredLogits, assemble_logits

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from devbench.running.plan import Planned


def expected_labels(planned: Planned) -> dict[tuple[str, str], str]:
    """Return the true class of every clip that the plan must predict, by (device, event)."""
    plan = planned.plan
    devices = plan.targets if plan.method.per_target else [plan.source, *plan.targets]
    return {
        (clip.device, clip.event_id): clip.label
        for device in devices
        for clip in planned.clips_of("test", device)
    }


def label_logits(
    planned: Planned, logits: Mapping[tuple[str, str], NDArray[np.float32]]
) -> StoredLogits:
    """Return the logits with their labels, one row per expected clip."""
    labels = expected_labels(planned)
    plan = planned.plan
    order = plan.targets if plan.method.per_target else [plan.source, *plan.targets]
    return assemble_logits(
        devices=tuple(order),
        classes=tuple(planned.benchmark.classes),
        labels=labels,
        logits=logits,
    )
