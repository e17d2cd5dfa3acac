"""What a method may see beside labelled source clips, and the track this puts it in."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Access(StrEnum):
    """One kind of side information; a method declares each kind that it reads."""

    DEVICE_FR = "device-fr"
    """Measured frequency responses of the devices, targets included."""
    UNPAIRED_TARGET = "unpaired-target"
    """Unlabelled clips of the `convert` split from every device."""
    TEST_TIME = "test-time"
    """Unlabelled test clips of one target device, while they are being predicted."""
    TARGET_LABELS = "target-labels"
    """Labelled training clips of every device: the upper bound, not a method."""


TRACKS = (
    "blind",
    "device-fr",
    "unpaired-target",
    "device-fr+unpaired-target",
    "test-time",
    "oracle",
)
"""Tables in the order they are shown; rows of different tracks are never ranked together."""


def track_of(needs: Iterable[Access]) -> str:
    """Return the track of a method with these needs."""
    held = frozenset(needs)
    if Access.TARGET_LABELS in held:
        return "oracle"
    if Access.TEST_TIME in held:
        return "test-time"
    words = [a.value for a in (Access.DEVICE_FR, Access.UNPAIRED_TARGET) if a in held]
    return "+".join(words) or "blind"
