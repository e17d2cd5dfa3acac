"""One event on source, converted and target: frames and sounds, from the corpus and stored parts.

The event is the median one (conversion.typical_event), so that it is neither chosen nor flattering.
Nothing is trained: a converter that the store lacks is said to be missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from devbench.audio.files import encode_flac, read_clip
from devbench.contract.scales import SCALES
from devbench.errors import CheckError, DataError, DevbenchError
from devbench.results.conversion import clip_error
from devbench.running.again import planned_here
from devbench.running.conversion import floor_of, shared_events, typical_event
from devbench.running.convert_sound import room_for
from devbench.running.converting import convert_clips, scratch_folder
from devbench.running.features import FeatureCache, ensure_features

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from devbench.contract.values import Clip
    from devbench.results.expected import Expectation
    from devbench.results.record import ArtifactUse, Record
    from devbench.results.store import Store
    from devbench.running.pipeline import Talk
    from devbench.running.plan import Planned

    Frames = NDArray[np.float32]
    Samples = NDArray[np.float64]

MAX_S = 4.0
RANGE_DB = 80.0
FORMAT = "PCM_16"


@dataclass(frozen=True, slots=True, eq=False)
class Take:
    """One recording of the event. frames: [frame, bin]; flac: a file's bytes.

    lowered_db: what the sound was lowered by to fit below full scale.
    """

    device: str
    frames: Frames
    flac: bytes
    lowered_db: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """A target: its recording, and what the method makes of the source's, None where nothing.

    error_db, converted_error_db: mean absolute difference to the target of source and converted.
    """

    target: str
    real: Take
    converted: Take | None
    error_db: float
    converted_error_db: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """The event as it was recorded and converted. limits: values of the ends of the colours.

    pairs: the target that is classified worst first. unit: of the frames. why_not: why nothing is
    converted, else ''. notes: what else a listener should know. start_s: what was cut off before.
    """

    run_id: str
    event_id: str
    label: str
    source: Take
    pairs: tuple[Pair, ...]
    bin_hz: tuple[float, ...]
    hop_s: float
    limits: tuple[float, float]
    is_db: bool
    why_not: str
    notes: tuple[str, ...]
    start_s: float


def hear(record: Record, store: Store, expectation: Expectation, talk: Talk) -> Heard:
    """Return a typical test event of a run's source as its targets recorded it.

    Raises DevbenchError where corpus or benchmark are not at hand, where the front end gives no
    spectrogram, or where source and targets share no event.
    """
    planned = planned_here(record, expectation)
    store.prepare()
    talk.phase("features")
    features = ensure_features(planned, store=store.folder, on_progress=talk.progress)
    if features.scale in ("waveform", "cepstral"):
        raise CheckError(
            f"front end {record.plan.frontend.name!r} gives no spectrogram but "
            f"{SCALES[features.scale]}",
            fix="report a run with the benchmark's own front end",
        )
    targets, apart = _targets(planned, record)
    event = typical_event(planned, features, targets, "test") if targets else None
    if event is None:
        raise DataError(
            f"no test event was recorded by {record.plan.source!r} and by all its targets",
            fix="use a corpus in which devices recorded the same events, such as sim7 or mics7",
        )
    own = _clip(planned, record.plan.source, event)
    others = {target: _clip(planned, target, event) for target in targets}
    converted, why_not, notes = _converted(planned, features, own, targets, store=store, talk=talk)
    notes += [f"{device} recorded none of the source's events" for device in apart]
    return _cut(
        record,
        planned,
        features,
        own=own,
        others=others,
        converted=converted,
        why_not=why_not,
        notes=notes,
    )


def _targets(planned: Planned, record: Record) -> tuple[list[str], list[str]]:
    """Return targets that share events with the source, worst first, and those that do not."""
    score = {s.device: s.macro_f1 for s in record.scores}
    held, apart = [], []
    for target in sorted(record.plan.targets, key=lambda t: (score.get(t, 0.0), t)):
        try:
            shared_events(planned, target, "test")
        except DataError:
            apart.append(target)
        else:
            held.append(target)
    return held, apart


def _clip(planned: Planned, device: str, event: str) -> Clip:
    return next(c for c in planned.clips_of("test", device) if c.event_id == event)


def _converted(
    planned: Planned,
    features: FeatureCache,
    own: Clip,
    targets: Sequence[str],
    *,
    store: Store,
    talk: Talk,
) -> tuple[Mapping[str, Frames], str, list[str]]:
    """Return converted frames by target, or why there are none; and what to know of them."""
    plan = planned.plan
    if plan.method.name in ("baseline", "ideal"):
        return {}, f"{plan.method.name} changes no clip.", []
    if features.is_live:
        return {}, "Its front end is in the classifier: nothing is converted before it.", []
    if features.scale != "db":
        return {}, f"Its front end gives {SCALES[features.scale]}: a change there is no gain.", []
    try:
        with scratch_folder(store) as scratch:
            found = convert_clips(
                planned, features, [own], targets, scratch=scratch, store=store, talk=talk,
                may_build=False,
            )  # fmt: skip
            # copied: their files go with the scratch folder
            frames = {target: clips[0].copy() for target, clips in found.frames.items()}
    except DevbenchError as error:
        return {}, f"{error.what}; {error.fix}.", []
    notes = []
    if (now := _code_now(planned)) != plan.method.code_sha256:
        notes.append(
            f"converted by the installed {plan.method.name} (code {now[:12]}); the run used "
            f"{plan.method.code_sha256[:12]}"
        )
    used = {use.key[:12] for use in found.artifacts}
    wanted = {use.key[:12] for use in _uses(store, plan.run_id)}
    if used != wanted:
        notes.append(f"converted with {_keys(used)}; the run used {_keys(wanted)}")
    return frames, "", notes


def _uses(store: Store, run_id: str) -> list[ArtifactUse]:
    return [use for model in store.get(run_id).models for use in model.artifacts]


def _keys(keys: set[str]) -> str:
    return "artifacts " + ", ".join(sorted(keys)) if keys else "no artifact"


def _code_now(planned: Planned) -> str:
    from devbench.running.describe import describe

    found: str = describe([planned.refs["method"]])["method"]["code_sha256"]
    return found


def _cut(
    record: Record,
    planned: Planned,
    features: FeatureCache,
    *,
    own: Clip,
    others: Mapping[str, Clip],
    converted: Mapping[str, Frames],
    why_not: str,
    notes: Sequence[str],
) -> Heard:
    """Return frames and sounds of the loudest seconds within what all devices recorded."""
    import numpy as np

    settings = planned.benchmark.features
    rate_hz, hop = settings.sample_rate_hz, settings.hop_samples
    sound = _samples(planned, own)
    real = [_samples(planned, clip) for clip in others.values()]
    n_shared = min(map(len, [sound, *real]))  # devices may stop at different times
    start = _loudest(sound[:n_shared], round(MAX_S * rate_hz)) // hop  # frames
    length = round(MAX_S * rate_hz / hop)
    frames = slice(start, start + length)
    samples = slice(start * hop, (start + length) * hop)
    own_db, *real_db = features.clips([own, *others.values()])

    def take(device: str, shown: Frames, heard: Samples) -> Take:
        part = heard[samples]
        scale = room_for(FORMAT, float(np.max(np.abs(part), initial=0.0)))
        return Take(device, shown[frames], encode_flac(part * scale, rate_hz),
                    float(-20 * np.log10(scale)))  # fmt: skip

    floor_db = floor_of(planned, features)
    pairs = []
    for target, heard, shown in zip(others, real, real_db, strict=True):
        changed = converted.get(target)
        pairs.append(
            Pair(
                target=target,
                real=take(target, shown, heard),
                converted=None
                if changed is None
                else take(target, changed, _filtered(planned, features, own_db, changed, sound)),
                error_db=clip_error(own_db, shown, floor_db=floor_db).mean_abs_db,
                converted_error_db=None
                if changed is None
                else clip_error(changed, shown, floor_db=floor_db).mean_abs_db,
            )
        )
    source = take(record.plan.source, own_db, sound)
    every = [source.frames, *(pair.real.frames for pair in pairs)]
    top = max(float(np.max(f)) for f in every)
    low = min(float(np.percentile(f, 2)) for f in every)
    is_db = features.scale == "db"
    return Heard(
        run_id=record.run_id,
        event_id=own.event_id,
        label=own.label,
        source=source,
        pairs=tuple(pairs),
        bin_hz=features.bin_hz,
        hop_s=hop / rate_hz,
        limits=(max(low, top - RANGE_DB) if is_db else low, top),
        is_db=is_db,
        why_not=why_not,
        notes=tuple(notes),
        start_s=start * hop / rate_hz,
    )


def _samples(planned: Planned, clip: Clip) -> Samples:
    samples: Samples = read_clip(
        planned.corpus.folder / clip.path,
        sha256=clip.sha256,
        n_samples=clip.n_samples,
        sample_rate_hz=planned.benchmark.features.sample_rate_hz,
    ).astype("float64")
    return samples


def _filtered(
    planned: Planned, features: FeatureCache, own_db: Frames, changed: Frames, sound: Samples
) -> Samples:
    """Return the source's sound with what was changed in its spectrogram, phases kept: [sample]."""
    import numpy as np

    from devbench.audio.gain import BandGain, apply_gain

    settings = planned.benchmark.features
    gain = BandGain(
        input_db=own_db,
        converted_db=changed,
        bin_hz=np.array(features.bin_hz),
        hop_s=settings.hop_samples / settings.sample_rate_hz,
        floor_db=settings.floor_db,
    )
    blocks = apply_gain([sound[:, None]], [gain], sample_rate_hz=settings.sample_rate_hz)
    whole: Samples = np.concatenate([block[:, 0] for block in blocks])
    return whole


def _loudest(sound: Samples, length: int) -> int:
    """Return where the loudest part of that many samples begins."""
    import numpy as np

    if len(sound) <= length:
        return 0
    power = np.concatenate([[0.0], np.cumsum(np.square(sound))])
    return int(np.argmax(power[length:] - power[:-length]))
