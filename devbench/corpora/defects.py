"""What can be wrong with one sound file of a corpus, and how loud it is."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from devbench.audio.files import decode
from devbench.errors import DataError
from devbench.files import read_bytes, sha256_bytes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Severity = Literal["error", "warning"]
SILENT_DBFS = -80.0
DC_LIMIT = 0.01
CLIPPED_SHARE = 0.001
CLIPPED_RUN_SAMPLES = 3
FULL_SCALE = 0.999
FLOOR_BLOCK_S = 0.02
SHORT_S = 0.05
_REBUILD = "build or import the corpus again"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: where (a path, a device or the corpus), what, and what to do."""

    severity: Severity
    kind: str
    where: str
    what: str
    fix: str

    def line(self) -> str:
        """Return the finding on one line for people."""
        return f"{self.severity}: {self.where}: {self.what} (fix: {self.fix})"


@dataclass(frozen=True, slots=True)
class FileJob:
    """One file and what its manifest row promises; path is relative to folder."""

    folder: Path
    path: str
    sha256: str
    n_samples: int
    sample_rate_hz: int


@dataclass(frozen=True, slots=True)
class Measured:
    """What was found in one file; the figures are None where it could not be decoded.

    pcm_sha256: of the decoded samples. rms_dbfs: over the whole clip. floor_dbfs: 5th percentile
    of the levels of 20 ms blocks. is_silent: nothing to hear. fingerprint: see `likeness`.
    """

    path: str
    findings: tuple[Finding, ...]
    pcm_sha256: str | None = None
    rms_dbfs: float | None = None
    floor_dbfs: float | None = None
    is_silent: bool = False
    fingerprint: str = ""


def measure_file(job: FileJob) -> Measured:
    """Hold one file against its manifest row and listen to it with numbers."""
    path = job.folder / job.path
    if not path.is_file():
        missing = Finding("error", "missing-file", job.path, "the file is missing", _REBUILD)
        return Measured(job.path, (missing,))
    data = read_bytes(path)
    findings: list[Finding] = []
    found = sha256_bytes(data)
    if found != job.sha256:
        what = f"hash {found[:12]}… where the manifest says {job.sha256[:12]}…"
        fix = "restore the file, or build the corpus again if the change is wanted"
        findings.append(Finding("error", "hash", job.path, what, fix))
    try:
        samples, rate_hz = decode(data, origin=job.path)
    except DataError as error:
        kind = "not-finite" if error.what.endswith("NaN or infinite samples") else "undecodable"
        what = error.what.removeprefix(f"{job.path}: ")
        findings.append(Finding("error", kind, job.path, what, error.fix))
        return Measured(job.path, tuple(findings))
    for kind, expected, got in (
        ("rate", job.sample_rate_hz, rate_hz),
        ("channels", 1, samples.shape[0]),
        ("length", job.n_samples, samples.shape[1]),
    ):
        if expected != got:
            what = f"{kind} is {got} where the manifest says {expected}"
            findings.append(Finding("error", kind, job.path, what, _REBUILD))
    heard = listen(job.path, samples[0], rate_hz)
    return replace(
        heard,
        findings=(*findings, *heard.findings),
        pcm_sha256=sha256_bytes(samples.tobytes()),
    )


def listen(path: str, mono: NDArray[np.float32], rate_hz: int) -> Measured:
    """Return what can be said of decoded samples: mono is [sample]."""
    from devbench.corpora.likeness import fingerprint

    rms_dbfs, floor_dbfs = levels_dbfs(mono, rate_hz)
    is_silent = rms_dbfs < SILENT_DBFS
    return Measured(
        path=path,
        findings=tuple(_audible(path, mono, rate_hz, rms_dbfs)),
        pcm_sha256=sha256_bytes(mono.tobytes()),
        rms_dbfs=rms_dbfs,
        floor_dbfs=floor_dbfs,
        is_silent=is_silent,
        fingerprint="" if is_silent else fingerprint(mono, rate_hz),
    )


def levels_dbfs(mono: NDArray[np.float32], rate_hz: int) -> tuple[float, float]:
    """Return (RMS of a clip, 5th percentile of its 20 ms blocks) in dB re full scale, >= -200."""
    import numpy as np

    power = mono.astype(np.float64) ** 2
    block = max(1, min(len(power), round(FLOOR_BLOCK_S * rate_hz)))
    blocks = power[: len(power) // block * block].reshape(-1, block).mean(axis=1)
    return _dbfs(float(power.mean())), _dbfs(float(np.percentile(blocks, 5)))


def clipped_share(mono: NDArray[np.float32]) -> float:
    """Return which part of the samples lies in runs of 3 or more at full scale of one sign."""
    import numpy as np

    total = 0
    for at_limit in (mono >= FULL_SCALE, mono <= -FULL_SCALE):
        edges = np.flatnonzero(np.diff(np.concatenate(([0], at_limit.astype(np.int8), [0]))))
        lengths = edges[1::2] - edges[::2]
        total += int(lengths[lengths >= CLIPPED_RUN_SAMPLES].sum())
    return total / len(mono)


def _audible(path: str, mono: NDArray[np.float32], rate_hz: int, rms_dbfs: float) -> list[Finding]:
    import numpy as np

    findings: list[Finding] = []
    if rms_dbfs < SILENT_DBFS:
        what = f"silent: {rms_dbfs:.0f} dBFS"
        findings.append(Finding("error", "silent", path, what, "record the event again"))
        return findings
    if len(mono) < SHORT_S * rate_hz:
        what = f"only {1000 * len(mono) / rate_hz:.0f} ms long"
        fix = "leave it out if the event is cut off; every window of it holds mostly padding"
        findings.append(Finding("warning", "short", path, what, fix))
    peak = float(np.max(np.abs(mono)))
    if peak > 1.0:
        what = f"a sample of {peak:.4g} is beyond full scale"
        findings.append(Finding("error", "beyond-full-scale", path, what, "scale the file to ±1"))
    share = clipped_share(mono)
    if share >= CLIPPED_SHARE:
        what = f"{share:.2%} of the samples are clipped at full scale"
        fix = "record it with less gain, or keep it if the device always does this"
        findings.append(Finding("warning", "clipped", path, what, fix))
    mean = float(mono.mean(dtype=np.float64))
    if abs(mean) > DC_LIMIT:
        what = f"DC offset of {mean:+.3f} of full scale"
        fix = "remove the mean before the import, or keep it if the device always does this"
        findings.append(Finding("warning", "dc-offset", path, what, fix))
    return findings


def _dbfs(power: float) -> float:
    return 10 * math.log10(max(power, 1e-20))
