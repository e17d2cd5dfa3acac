"""What a converter needs of the clips it is trained on."""

from __future__ import annotations

from devbench import DataError, Workshop

MIN_CLIPS = 4


def require_clips(workshop: Workshop, *, least_devices: int) -> None:
    """Raise DataError where there are too few devices, or too few unlabelled clips of one."""
    if len(workshop.devices) < least_devices:
        raise DataError(
            f"a converter needs {least_devices} devices and got {len(workshop.devices)}",
            fix="use a benchmark with more devices",
        )
    for name in workshop.devices:
        n_clips = len(workshop.unpaired[name])
        if n_clips < MIN_CLIPS:
            raise DataError(
                f"device {name!r} has {n_clips} unlabelled clips; a converter needs {MIN_CLIPS}",
                fix="give the split a larger convert part, or leave the device out",
            )
