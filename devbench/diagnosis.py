"""What is installed on this machine and whether it fits; nothing heavy is imported to find out."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal, get_args

import devbench
from devbench.contract.names import is_name
from devbench.errors import DevbenchError

State = Literal["ok", "warn", "error"]

NEEDED_FOR_A_RUN = frozenset(
    ("torch", "torchaudio", "numpy", "click", "pluggy", "pydantic", "safetensors", "soundfile",
     "filelock", "psutil", "rich")
)  # fmt: skip
NETWORK_FILE_SYSTEMS = frozenset(
    ("nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "afs", "lustre", "beegfs", "glusterfs")
)
MIN_MEMORY_MB = 4000
FEW_FREE_MB, TOO_FEW_FREE_MB = 5000, 200
_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)\s*(?:(==|>=)\s*([0-9.]*[0-9])(?:\.\*)?)?")
_INSTALL = "pip install -c constraints.txt"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the diagnosis. fix: the next step, empty when the state is ok."""

    name: str
    state: State
    text: str
    fix: str = ""


def diagnose(store: Path) -> list[Finding]:
    """Return all findings; a check that fails itself is a finding, too."""
    checks: dict[str, Callable[[], Iterator[Finding]]] = {
        "python": _python,
        "packages": _packages,
        "torch": _torch_pair,
        "audio": _audio,
        "machine": _machine,
        "gpu": _gpu,
        "sandbox": _sandbox,
        "mlflow": _mlflow,
        "plugins": _plugins,
        "store": lambda: _store(store),
        "records": lambda: _records(store),
    }
    findings: list[Finding] = []
    for name, check in checks.items():
        try:
            findings += check()
        except DevbenchError as error:
            findings.append(Finding(name, "error", error.what, error.fix))
        except Exception as error:  # noqa: BLE001 - a broken installation breaks in any way
            what = f"{type(error).__name__}: {error}"
            findings.append(Finding(name, "error", what, f"reinstall it: {_INSTALL} -e ."))
    return findings


def _python() -> Iterator[Finding]:
    bits = sys.maxsize.bit_length() + 1
    text = f"{platform.python_version()}, {bits} bit, at {sys.executable}"
    if bits < 64:
        yield Finding("python", "error", text, "use a 64-bit Python: torch has no other")
    else:
        yield Finding("python", "ok", text)
    yield Finding("devbench", "ok", f"{devbench.__version__} at {Path(devbench.__file__).parent}")


def _packages() -> Iterator[Finding]:
    """Hold what is installed against what devbench's own metadata asks for."""
    required = [line for line in metadata.requires("devbench") or () if "extra ==" not in line]
    fitting: list[str] = []
    for line in required:
        match = _REQUIREMENT.match(line)
        assert match is not None
        name, sign, wanted = match.groups()
        state: State = "error" if name in NEEDED_FOR_A_RUN else "warn"
        version = _version(name)
        if version is None:
            yield Finding(name, state, "not installed", f"{_INSTALL} '{line}'")
        elif sign is not None and not _fits(version, sign, wanted):
            yield Finding(name, state, f"{version} does not fit {line}", f"{_INSTALL} '{line}'")
        else:
            fitting.append(name)
    if required:
        yield Finding("packages", "ok", f"{len(fitting)} of {len(required)} fit")
    else:
        yield Finding("packages", "warn", "devbench has no metadata", f"{_INSTALL} -e .")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version: '2.11.0+cpu' -> (2, 11, 0)."""
    found = re.match(r"[0-9]+(?:\.[0-9]+)*", version)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def _fits(version: str, sign: str, wanted: str) -> bool:
    has, needs = _numbers(version), _numbers(wanted)
    return has[: len(needs)] == needs if sign == "==" else has >= needs


def _torch_pair() -> Iterator[Finding]:
    versions = {name: _version(name) for name in ("torch", "torchaudio")}
    text = ", ".join(f"{name} {version or 'missing'}" for name, version in versions.items())
    pair = {_numbers(version)[:3] for version in versions.values() if version is not None}
    if None in versions.values() or len(pair) != 1:
        fix = f"install them as a pair: {_INSTALL} torch torchaudio"
        yield Finding("torch", "error", f"{text}: they must be of one version", fix)
    else:
        yield Finding("torch", "ok", text)


def _audio() -> Iterator[Finding]:
    import soundfile

    formats = soundfile.available_formats()
    ogg = soundfile.available_subtypes("OGG") if "OGG" in formats else {}
    found = {
        "WAV": "WAV" in formats,
        "FLAC": "FLAC" in formats,
        "Vorbis": "VORBIS" in ogg,
        "Opus": "OPUS" in ogg,
        "MP3": "MP3" in formats,
    }
    version = soundfile.__libsndfile_version__
    missing = [name for name, is_there in found.items() if not is_there]
    if missing:
        yield Finding(
            "audio",
            "error",
            f"libsndfile {version} lacks {', '.join(missing)}",
            f"{_INSTALL} --force-reinstall soundfile (its wheel carries a libsndfile with them)",
        )
    else:
        yield Finding("audio", "ok", f"libsndfile {version}: {', '.join(found)}")


def _machine() -> Iterator[Finding]:
    from devbench.running.hardware import cpu_has_bf16, cpu_model, memory_mb, n_cpus

    bf16 = "with bfloat16" if cpu_has_bf16() else "without bfloat16 (runs use fp32)"
    yield Finding("cpu", "ok", f"{n_cpus()} of {os.cpu_count()} CPUs, {cpu_model()}, {bf16}")
    memory = memory_mb()
    if memory is None:
        yield Finding("memory", "ok", "unknown on this system")
    elif memory < MIN_MEMORY_MB:
        fix = f"expect runs to end for lack of memory below {MIN_MEMORY_MB} MiB"
        yield Finding("memory", "warn", f"{memory} MiB", fix)
    else:
        yield Finding("memory", "ok", f"{memory} MiB")


def _gpu() -> Iterator[Finding]:
    from devbench.running.hardware import cuda_driver_version, cuda_info, torch_is_built_for_cuda

    gpus = cuda_info()
    has_cuda_torch = torch_is_built_for_cuda()
    if not gpus:
        yield Finding("gpu", "ok", "none: --device auto means cpu")
        return
    shown = "; ".join(
        f"{gpu.name}, {gpu.memory_mb} MiB, capability {gpu.compute_capability}" for gpu in gpus
    )
    text = f"{shown} (driver for CUDA {cuda_driver_version()})"
    if has_cuda_torch:
        yield Finding("gpu", "ok", f"{text}: --device auto means cuda")
    else:
        fix = "install torch and torchaudio 2.11 built for CUDA to use it"
        yield Finding("gpu", "warn", f"{text}, but this torch is built for CPUs only", fix)


def _sandbox() -> Iterator[Finding]:
    from devbench.running.sandbox import why_not

    reason = why_not()
    words = f"none ({reason}): --isolation sandbox is refused" if reason else "--isolation sandbox"
    yield Finding("sandbox", "ok", words)


def _mlflow() -> Iterator[Finding]:
    from devbench.tracking.address import OLDEST_MLFLOW

    version = _version("mlflow")
    fix = f"{_INSTALL} mlflow, then: devbench track sync"
    if version is None:
        yield Finding("mlflow", "warn", "not installed: runs are not mirrored", fix)
    elif _numbers(version) < OLDEST_MLFLOW:
        needed = ".".join(map(str, OLDEST_MLFLOW))
        yield Finding("mlflow", "warn", f"{version} is older than {needed}: not mirrored", fix)
    else:
        yield Finding("mlflow", "ok", version)


def _plugins() -> Iterator[Finding]:
    from devbench.registry import PLURALS, Kind, installed

    for kind in get_args(Kind):
        plural = PLURALS[kind]
        offers = installed(kind)
        for name, refs in offers.items():
            if len(refs) > 1:
                makers = " and ".join(sorted(ref.distribution for ref in refs))
                fix = f"uninstall one, or write {refs[0].distribution}:{name}"
                yield Finding(plural, "error", f"{name!r} is offered by {makers}", fix)
            elif not is_name(name):
                fix = "its author must use lower-case words joined by '-'"
                what = f"{refs[0].distribution} offers {name[:80]!r}, which is no name"
                yield Finding(plural, "error", what, fix)
        counts: dict[str, int] = {}
        for refs in offers.values():
            for ref in refs:
                counts[ref.distribution] = counts.get(ref.distribution, 0) + 1
        makers = ", ".join(f"{count} from {maker}" for maker, count in sorted(counts.items()))
        if counts or kind == "observer":
            yield Finding(plural, "ok", makers or "none")
        else:
            fix = f"install devbench itself again: {_INSTALL} -e ."
            yield Finding(plural, "error", "none is installed", fix)


def _store(store: Path) -> Iterator[Finding]:
    from devbench.results.store import Store

    folder = store.resolve()
    words = "is there" if folder.is_dir() else "will be made by the first run"
    Store(folder)  # raises DataError for a schema that is newer or damaged
    place = _nearest_folder(folder)
    if not _is_writable(place):
        fix = "make it writable, or choose another with --store DIR"
        yield Finding("store", "error", f"{place} cannot be written to", fix)
    else:
        yield Finding("store", "ok", f"{folder} {words}")
    free_mb = shutil.disk_usage(place).free // 2**20
    if free_mb < FEW_FREE_MB:
        state: State = "error" if free_mb < TOO_FEW_FREE_MB else "warn"
        fix = "free some space, or choose another disk with --store DIR"
        yield Finding("disk", state, f"{free_mb} MiB are free", fix)
    else:
        yield Finding("disk", "ok", f"{free_mb} MiB are free")
    kind = file_system_of(place, _mounts())
    if kind in NETWORK_FILE_SYSTEMS:
        fix = "use it from one machine at a time, or choose a local disk with --store DIR"
        text = f"{folder} lies on {kind}, where file locks do not hold between machines"
        yield Finding("store", "warn", text, fix)


def _nearest_folder(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


def _is_writable(folder: Path) -> bool:
    with contextlib.suppress(OSError), tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"devbench doctor")
        return True
    return False


def _mounts() -> str:
    with contextlib.suppress(OSError):
        return Path("/proc/mounts").read_text(errors="replace")
    return ""


def file_system_of(folder: Path, mounts: str) -> str:
    """Return the kind of file system that holds a folder, by the lines of /proc/mounts."""
    best, kind = "", ""
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), fields[1])
        if folder.is_relative_to(point) and len(point) >= len(best):
            best, kind = point, fields[2]
    return kind


def _records(store: Path) -> Iterator[Finding]:
    from devbench.results.store import Store

    if not store.is_dir():
        return
    complaints: list[str] = []
    shelf = Store(store)
    n_records = sum(1 for _ in shelf.records(complaints.append))
    n_failures = sum(1 for _ in shelf.failures(complaints.append))
    for complaint in complaints[:5]:
        fix = "restore the file from a copy, or remove it and run again"
        yield Finding("records", "error", complaint, fix)
    if len(complaints) > 5:
        fix = "mend the ones above first"
        yield Finding("records", "error", f"{len(complaints) - 5} more cannot be read", fix)
    yield Finding("records", "ok", f"{n_records} records and {n_failures} failed runs can be read")
