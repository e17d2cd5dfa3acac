"""Every device of a corpus, estimated from recordings of a choice of its events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from devbench.audio.files import read_clip
from devbench.audio.simulate import minimum_phase_fir
from devbench.errors import DataError
from devbench.explaining.devices import DeviceEstimate
from devbench.explaining.estimates import (
    FIR_TAPS,
    LEAST_PAIRS,
    Difference,
    Sound,
    convolved,
    difference_of,
    heard_of,
    rms_dbfs,
    sound_of,
)
from devbench.explaining.relevance import Missing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from devbench.contract.values import Clip
    from devbench.corpora.manifest import Corpus

    Floats = NDArray[np.float64]

DIGITS = 4


def choose_events(clips: Sequence[Clip], n_events: int) -> list[str]:
    """Return events that most devices recorded, spread over all classes, at most n_events.

    In turn one of each class, so that no class is missing where there is room for all.
    """
    count: dict[str, int] = {}
    label: dict[str, str] = {}
    for clip in clips:
        count[clip.event_id] = count.get(clip.event_id, 0) + 1
        label[clip.event_id] = clip.label
    by_class: dict[str, list[str]] = {}
    for event in sorted(count, key=lambda event: (-count[event], event)):
        by_class.setdefault(label[event], []).append(event)
    turns = [
        (turn, name, event)
        for name, events in sorted(by_class.items())
        for turn, event in enumerate(events)
    ]
    return [event for _, _, event in sorted(turns)[:n_events]]


def recordings_of(
    corpus: Corpus,
    clips: Sequence[Clip],
    devices: Sequence[str],
    *,
    n_events: int,
    on_progress: Callable[[int, int], None],
) -> dict[str, dict[str, Floats]]:
    """Return the recordings of a choice of events: {device: {event: [sample]}}.

    A device with fewer than LEAST_PAIRS of the shared choice adds events of its own to them.
    """
    import numpy as np

    shared = set(choose_events(clips, n_events))
    found: dict[str, dict[str, Floats]] = {}
    for number, device in enumerate(devices):
        own = [clip for clip in clips if clip.device == device]
        chosen = [clip for clip in own if clip.event_id in shared]
        if len(chosen) < LEAST_PAIRS:
            rest = [clip for clip in own if clip.event_id not in shared]
            added = set(choose_events(rest, n_events - len(chosen)))
            chosen += [clip for clip in rest if clip.event_id in added]
        found[device] = {
            clip.event_id: read_clip(
                corpus.folder / clip.path,
                sha256=clip.sha256,
                n_samples=clip.n_samples,
                sample_rate_hz=corpus.header.sample_rate_hz,
            ).astype(np.float64)
            for clip in chosen
        }
        on_progress(number + 1, len(devices))
    return found


def estimate_devices(
    recordings: Mapping[str, Mapping[str, Floats]], reference: str, rate_hz: int
) -> tuple[list[DeviceEstimate], list[Missing]]:
    """Return every device against a reference, and what could not be estimated.

    A device without a sound is left out and named; DataError where the reference is.
    """
    estimates: list[DeviceEstimate] = []
    missing: list[Missing] = []
    for device, clips in recordings.items():
        try:
            sound = sound_of(list(clips.values()), rate_hz)
        except DataError as error:
            if device == reference:
                raise
            missing.append(Missing(part=device, why=error.what, fix=error.fix))
            continue
        if device == reference:
            estimates.append(_estimate(device, sound))
            continue
        difference = difference_of(recordings[reference], clips, rate_hz)
        response_gain_db = _level_change(list(recordings[reference].values()), difference, rate_hz)
        estimates.append(_estimate(device, sound, difference, response_gain_db))
        if difference.how == "long-term":
            missing.append(
                Missing(
                    part=f"paired response and compression of {device}",
                    why=f"{difference.n_pairs} usable recordings of one event by it and by "
                    f"{reference}",
                    fix="record the same events with both, or read them as ratios of averages",
                )
            )
        elif difference.slope is None:
            missing.append(
                Missing(
                    part=f"compression of {device}",
                    why="the events are too few or too equally loud",
                    fix="record events whose levels differ by 10 dB or more",
                )
            )
    return estimates, missing


def _level_change(clips: Sequence[Floats], difference: Difference, rate_hz: int) -> float:
    """Return the median change in level that the response alone makes, in dB."""
    import numpy as np

    taps = minimum_phase_fir(difference.response.freq_hz, difference.response.db, FIR_TAPS, rate_hz)
    changes = [rms_dbfs(convolved(clip, taps)) - rms_dbfs(clip) for clip in heard_of(clips)[:40]]
    return float(np.median(changes))


def _estimate(
    device: str,
    sound: Sound,
    difference: Difference | None = None,
    response_gain_db: float | None = None,
) -> DeviceEstimate:
    import numpy as np

    def rounded(values: Floats) -> list[float]:
        return [round(float(value), DIGITS) for value in values]

    relative: dict[str, object] = {}
    if difference is not None:
        curve = difference.response
        relative = {
            "n_pairs": difference.n_pairs,
            "how": difference.how,
            "gain_db": round(difference.gain_db, DIGITS),
            "response_hz": rounded(curve.freq_hz),
            "response_db": rounded(curve.db),
            "response_rms_db": round(float(np.std(curve.db)), DIGITS),
            "response_gain_db": round(response_gain_db or 0.0, DIGITS),
            "slope": None if difference.slope is None else round(difference.slope, DIGITS),
        }
    return DeviceEstimate.model_validate(
        {
            "device": device,
            "n_clips": sound.n_clips,
            "level_dbfs": round(sound.level_dbfs, DIGITS),
            "loudest_dbfs": round(sound.loudest_dbfs, DIGITS),
            "noise_dbfs": round(sound.noise_dbfs, DIGITS),
            "noise_below_level_db": round(sound.level_dbfs - sound.noise_dbfs, DIGITS),
            "noise_hz": rounded(sound.noise.freq_hz),
            "noise_db": rounded(sound.noise.db),
            "clipped_share": sound.clipped_share,
            "crest_db": round(sound.crest_db, DIGITS),
            "peak_dbfs": round(sound.peak_dbfs, DIGITS),
            **relative,
        }
    )
