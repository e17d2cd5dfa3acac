"""A sound as another device would have recorded it: converted in a worker, filtered here.

The worker returns log-mel before and after; their difference is applied to the sound at its own
rate (devbench.audio.gain). Long sounds go through files block by block.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from devbench.audio.gain import BandGain, apply_gain
from devbench.audio.streams import (
    BLOCK_SAMPLES,
    SoundHeader,
    is_integer,
    read_blocks,
    write_blocks,
)
from devbench.files import disk_errors
from devbench.running.convert_jobs import reserve
from devbench.running.converting import read_frames, run_convert, scratch_folder
from devbench.running.features import ensure_features

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from devbench.benchmark.model import Features
    from devbench.results.record import ArtifactUse
    from devbench.results.store import Store
    from devbench.running.pipeline import Talk
    from devbench.running.plan import Planned

    Samples = NDArray[np.float64]

HEADROOM_DB = 0.1


@dataclass(frozen=True, slots=True)
class ConvertedSound:
    """What was written. bin_hz, mean_gain_db: [bin], mean over time and channels.

    peak: largest sample of the converted sound, full scale 1. scaled_db: what the whole sound was
    lowered by because its format ends at full scale; 0 where it fitted.
    """

    header: SoundHeader
    container: str
    subtype: str
    bin_hz: list[float]
    mean_gain_db: list[float]
    peak: float
    scaled_db: float
    artifacts: list[ArtifactUse]


def convert_sound(
    planned: Planned,
    header: SoundHeader,
    out: Path,
    *,
    target: str,
    form: tuple[str, str],
    store: Store,
    talk: Talk,
) -> ConvertedSound:
    """Write the sound as target would have recorded what the plan's source recorded.

    form: (container, subtype) of out. Raises DataError for samples that are no sound, and what
    the worker raises.
    """
    import numpy as np

    store.prepare()
    with scratch_folder(store) as scratch:
        talk.phase("reading")
        lengths = _stage(header, planned.benchmark.features, scratch / "clips")
        talk.phase("features")
        features = ensure_features(planned, store=store.folder, on_progress=talk.progress)
        artifacts = run_convert(
            planned,
            features,
            "sound",
            [target],
            scratch=scratch,
            store=store,
            talk=talk,
            phase="converting",
        )
        settings = planned.benchmark.features
        n_frames = [length // settings.hop_samples + 1 for length in lengths]
        n_bins = len(features.bin_hz)
        before = read_frames(scratch / "input", n_frames, n_bins)
        after = read_frames(scratch / "converted" / target, n_frames, n_bins)
        gains = [
            BandGain(
                input_db=input_db,
                converted_db=converted_db,
                bin_hz=np.array(features.bin_hz),
                hop_s=settings.hop_samples / settings.sample_rate_hz,
                floor_db=settings.floor_db,
            )
            for input_db, converted_db in zip(before, after, strict=True)
        ]
        talk.phase("filtering")
        filtered = scratch / "filtered.f32"
        peak = _filter(header, gains, filtered, talk)
        scale = room_for(form[1], peak)
        talk.phase("writing")
        write_blocks(
            out,
            (block * scale for block in _raw_blocks(filtered, header.n_channels)),
            sample_rate_hz=header.sample_rate_hz,
            n_channels=header.n_channels,
            container=form[0],
            subtype=form[1],
        )
    return ConvertedSound(
        header=header,
        container=form[0],
        subtype=form[1],
        bin_hz=list(features.bin_hz),
        mean_gain_db=np.mean([gain.mean() for gain in gains], axis=0).tolist(),
        peak=peak,
        scaled_db=float(-20 * np.log10(scale)),
        artifacts=artifacts,
    )


def room_for(subtype: str, peak: float) -> float:
    """Return by what a sound must be multiplied to fit into its format: 1, or less."""
    if not is_integer(subtype) or peak <= 1.0:  # +1 is a step too much, and cut off unheard
        return 1.0
    return float(10 ** (-HEADROOM_DB / 20) / peak)


def _stage(header: SoundHeader, features: Features, folder: Path) -> list[int]:
    """Write every channel at the features' rate as staged clips; return their lengths in samples.

    A sound shorter than one window is followed by silence: the front end must have something to
    mirror at its ends.
    """
    import numpy as np
    import soxr

    rate_hz = features.sample_rate_hz
    room = max(2 * features.n_fft, -(-header.n_samples * rate_hz // header.sample_rate_hz) + 4096)
    folder.mkdir(parents=True)
    data = reserve(folder / "data.npy", (header.n_channels * room,))
    channels = data.reshape(header.n_channels, room)
    stream = soxr.ResampleStream(
        header.sample_rate_hz, rate_hz, header.n_channels, dtype="float64", quality="HQ"
    )
    filled = 0

    def write(block: Samples) -> None:
        nonlocal filled
        part = block[: room - filled]
        channels[:, filled : filled + len(part)] = part.T
        filled += len(part)

    for block in read_blocks(header):
        write(block if header.sample_rate_hz == rate_hz else stream.resample_chunk(block))
    if header.sample_rate_hz != rate_hz:
        end = np.zeros((0, header.n_channels))
        write(stream.resample_chunk(end, last=True))
    length = max(filled, features.n_fft)
    rows = [(room * channel, length) for channel in range(header.n_channels)]
    np.save(folder / "index.npy", np.array(rows, np.int64))
    return [length] * header.n_channels


def _filter(header: SoundHeader, gains: list[BandGain], path: Path, talk: Talk) -> float:
    """Write the filtered sound as raw samples and return its largest one."""
    import numpy as np

    peak, done = 0.0, 0
    with disk_errors(path), path.open("xb") as file:
        for block in apply_gain(read_blocks(header), gains, sample_rate_hz=header.sample_rate_hz):
            if len(block):
                peak = max(peak, float(np.max(np.abs(block))))
            file.write(block.astype(np.float32).tobytes())
            done += len(block)
            talk.progress(done, header.n_samples)
    return peak


def _raw_blocks(path: Path, n_channels: int) -> Iterator[Samples]:
    import numpy as np

    n_bytes = BLOCK_SAMPLES * n_channels * 4
    with path.open("rb") as file:
        while data := file.read(n_bytes):
            yield np.frombuffer(data, np.float32).astype(np.float64).reshape(-1, n_channels)
