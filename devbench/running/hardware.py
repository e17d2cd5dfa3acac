"""What this machine can compute on, found without importing torch.

The plan of a run names its device and precision, and a plan must exist before anything heavy is
imported: so CUDA is asked through its driver library and the CPU through /proc.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import importlib.util
import os
import platform
from pathlib import Path
from typing import Literal, NamedTuple

from devbench.errors import ConfigurationError

_CUDA_LIBRARIES = ("libcuda.so.1", "nvcuda.dll")
_CUDA_BACKENDS = ("libtorch_cuda.so", "torch_cuda.dll")
_BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})
# CUdevice_attribute numbers of the CUDA driver API; they are part of its ABI.
_COMPUTE_CAPABILITY_MAJOR = 75
_COMPUTE_CAPABILITY_MINOR = 76


class CudaDevice(NamedTuple):
    """One GPU: its name, its memory in MiB and its compute capability, e.g. '9.0'."""

    name: str
    memory_mb: int
    compute_capability: str


def best_device() -> Literal["cuda", "cpu"]:
    """Return what `--device auto` means here: cuda where a GPU and a torch built for it are."""
    return "cuda" if torch_is_built_for_cuda() and cuda_info() else "cpu"


def chosen_device(wanted: str) -> Literal["cuda", "cpu"]:
    """Return what auto, cpu or cuda means here; ConfigurationError for cuda where there is none."""
    if wanted == "auto":
        return best_device()
    if wanted == "cuda" and best_device() != "cuda":
        raise ConfigurationError(
            "no CUDA device on this machine, or a torch that is built for CPUs only",
            fix="use --device auto or cpu; see devbench doctor",
        )
    return "cuda" if wanted == "cuda" else "cpu"


def torch_is_built_for_cuda() -> bool:
    """Return whether the installed torch carries its CUDA library; torch is not imported."""
    try:
        spec = importlib.util.find_spec("torch")
    except (ImportError, ValueError):
        return False
    if spec is None or spec.origin is None:
        return False
    libraries = Path(spec.origin).parent / "lib"
    return any((libraries / name).exists() for name in _CUDA_BACKENDS)


@functools.cache
def cuda_info() -> tuple[CudaDevice, ...]:
    """Return the GPUs that the CUDA driver shows this process; empty where there is no driver."""
    driver = _cuda_driver()
    count = ctypes.c_int()
    if driver is None or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return ()
    found = (_cuda_device(driver, index) for index in range(count.value))
    return tuple(device for device in found if device is not None)


def gpu_names() -> list[str]:
    """Return the names of the GPUs, in the driver's order."""
    return [device.name for device in cuda_info()]


def cuda_has_bf16() -> bool:
    """Return whether every GPU computes in bfloat16 (compute capability 8.0 and later)."""
    devices = cuda_info()
    return bool(devices) and all(
        int(device.compute_capability.partition(".")[0]) >= 8 for device in devices
    )


def cuda_driver_version() -> str | None:
    """Return the newest CUDA version that the driver supports, e.g. '12.8', or None."""
    driver = _cuda_driver()
    version = ctypes.c_int()
    if driver is None or driver.cuDriverGetVersion(ctypes.byref(version)) != 0:
        return None
    return f"{version.value // 1000}.{version.value % 1000 // 10}"


@functools.cache
def _cuda_driver() -> ctypes.CDLL | None:
    for name in _CUDA_LIBRARIES:
        with contextlib.suppress(OSError, AttributeError):
            library = ctypes.CDLL(name)
            return library if library.cuInit(0) == 0 else None
    return None


def _cuda_device(driver: ctypes.CDLL, index: int) -> CudaDevice | None:
    handle = ctypes.c_int()
    name = ctypes.create_string_buffer(256)
    memory_bytes = ctypes.c_size_t()
    major, minor = ctypes.c_int(), ctypes.c_int()
    answers = (
        driver.cuDeviceGet(ctypes.byref(handle), index),
        driver.cuDeviceGetName(name, len(name), handle),
        driver.cuDeviceTotalMem_v2(ctypes.byref(memory_bytes), handle),
        driver.cuDeviceGetAttribute(ctypes.byref(major), _COMPUTE_CAPABILITY_MAJOR, handle),
        driver.cuDeviceGetAttribute(ctypes.byref(minor), _COMPUTE_CAPABILITY_MINOR, handle),
    )
    if any(answers):
        return None
    return CudaDevice(
        name=name.value.decode(errors="replace"),
        memory_mb=memory_bytes.value // 2**20,
        compute_capability=f"{major.value}.{minor.value}",
    )


def cpu_has_bf16() -> bool:
    """Return whether the CPU multiplies bfloat16 itself; without that bf16 is slower than fp32."""
    return not _BF16_FLAGS.isdisjoint(_cpu_field("flags").split())


def cpu_model() -> str:
    """Return the name of the CPU."""
    return _cpu_field("model name") or platform.processor() or platform.machine()


@functools.cache
def _cpu_field(key: str, *, path: str = "/proc/cpuinfo") -> str:
    for line in _text(Path(path)).splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return ""


def n_cpus() -> int:
    """Return how many CPUs this process may use: its affinity, cut to its container's quota."""
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    else:
        allowed = os.cpu_count() or 1
    quota = _cgroup_quota()
    return allowed if quota is None else max(1, min(allowed, int(quota)))


def _cgroup_quota(root: Path = Path("/sys/fs/cgroup")) -> float | None:
    """Return the CPUs that the container may use on average, or None when there is no limit."""
    quota, _, period = _text(root / "cpu.max").strip().partition(" ")
    if not quota:  # control groups of version 1
        quota = _text(root / "cpu" / "cpu.cfs_quota_us").strip()
        period = _text(root / "cpu" / "cpu.cfs_period_us").strip()
    if not (quota.isdecimal() and period.isdecimal()) or int(period) == 0:
        return None  # 'max', '-1' or no such file
    return int(quota) / int(period)


def memory_mb() -> int | None:
    """Return the memory this process may use in MiB: the machine's, cut to its container's."""
    limits_bytes = []
    for line in _text(Path("/proc/meminfo")).splitlines():
        if line.startswith("MemTotal:"):
            limits_bytes.append(int(line.split()[1]) * 1024)
    root = Path("/sys/fs/cgroup")
    for path in (root / "memory.max", root / "memory" / "memory.limit_in_bytes"):
        text = _text(path).strip()
        if text.isdecimal():
            limits_bytes.append(int(text))
    return min(limits_bytes) // 2**20 if limits_bytes else None


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
