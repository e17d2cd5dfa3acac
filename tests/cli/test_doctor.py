"""`devbench doctor` names what does not fit and the next step, and imports nothing heavy."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from devbench import diagnosis
from devbench.cli.doctor import command
from devbench.errors import CheckError
from devbench.registry import PluginRef
from devbench.results.store import Store
from devbench.running import hardware
from helpers.records import make_run


def findings(store: Path) -> dict[str, diagnosis.Finding]:
    """Return the worst finding of each name."""
    order = ["ok", "warn", "error"]
    found: dict[str, diagnosis.Finding] = {}
    for finding in sorted(diagnosis.diagnose(store), key=lambda each: order.index(each.state)):
        found[finding.name] = finding
    return found


def test_a_fitting_machine_passes_and_json_says_the_same(tmp_path: Path) -> None:
    store = tmp_path / "store"
    run = CliRunner().invoke(command, ["--store", str(store), "--json"])
    assert run.exit_code == 0, run.output
    found = {line["name"]: line["state"] for line in json.loads(run.stdout)["findings"]}
    assert found["torch"] == found["audio"] == found["methods"] == found["store"] == "ok"
    assert not store.exists()  # to look is not to make
    plain = CliRunner().invoke(command, ["--store", str(store)])
    assert "torchaudio" in plain.stdout and plain.exit_code == 0


def test_nothing_heavy_is_imported(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from devbench.diagnosis import diagnose\n"
        "diagnose(Path(sys.argv[1]))\n"
        "print([m for m in ('torch', 'torchaudio', 'mlflow', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_torch_of_another_version_than_torchaudio_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = {"torch": "2.11.0+cpu", "torchaudio": "2.10.0", "mlflow": "3.9.0"}

    def version(name: str) -> str:
        if name == "rich":
            raise metadata.PackageNotFoundError(name)
        return versions.get(name, "99.0")

    monkeypatch.setattr(diagnosis.metadata, "version", version)
    monkeypatch.setattr(
        diagnosis.metadata,
        "requires",
        lambda _: ["torch==2.11.*", "torchaudio==2.11.*", "rich>=13", "ruff; extra == 'dev'"],
    )
    found = findings(tmp_path)
    assert found["torch"].state == "error" and "2.10.0" in found["torch"].text
    assert found["torchaudio"].state == "error"
    assert found["rich"].text == "not installed"
    assert found["mlflow"].state == "warn" and "older than 3.11" in found["mlflow"].text


def test_two_distributions_with_one_name_are_both_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def installed(kind: Any) -> dict[str, list[PluginRef]]:
        refs = [PluginRef(kind, "twin", "a.b", maker, "1") for maker in ("one", "two\x1b[2J")]
        return {"twin": refs} if kind == "method" else {"fine": refs[:1], "No Name": refs[:1]}

    monkeypatch.setattr("devbench.registry.installed", installed)
    found = findings(tmp_path)
    assert "one and two" in found["methods"].text and found["methods"].state == "error"
    assert "No Name" in found["corpora"].text
    run = CliRunner().invoke(command, ["--store", str(tmp_path)])
    assert "\x1b[2J" not in run.stdout
    assert isinstance(run.exception, CheckError) and run.exception.exit_code == 9


def test_damaged_records_and_newer_stores_are_named(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    made = make_run()
    store.publish(made.record, made.logits, dict(made.weights))
    assert findings(store.folder)["records"].state == "ok"
    (store.folder / "records" / f"{'0' * 64}.json").write_text("{")
    found = findings(store.folder)["records"]
    assert found.state == "error" and "000000" in found.text
    (store.folder / "store.json").write_text('{"schema": 99}')
    assert "99" in findings(store.folder)["store"].text


@pytest.mark.parametrize(("free_mb", "state"), [(9000, "ok"), (900, "warn"), (90, "error")])
def test_little_disk_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_mb: int, state: str
) -> None:
    usage = diagnosis.shutil.disk_usage(tmp_path)._replace(free=free_mb * 2**20)
    monkeypatch.setattr(diagnosis.shutil, "disk_usage", lambda _: usage)
    assert findings(tmp_path)["disk"].state == state


def test_a_network_disk_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = str(tmp_path).replace(" ", "\\040")
    mounts = f"/dev/root / ext4 rw 0 0\nhost:/x {folder} nfs4 rw 0 0\nbroken\n"
    monkeypatch.setattr(diagnosis, "_mounts", lambda: mounts)
    found = findings(tmp_path / "not yet there")["store"]
    assert found.state == "warn" and "nfs4" in found.text
    assert diagnosis.file_system_of(Path("/elsewhere"), mounts) == "ext4"


def test_a_gpu_that_torch_cannot_use_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu = hardware.CudaDevice("Some GPU", 80_000, "9.0")
    monkeypatch.setattr(hardware, "cuda_info", lambda: (gpu,))
    for is_built, state, device in ((False, "warn", "cpu"), (True, "ok", "cuda")):
        monkeypatch.setattr(hardware, "torch_is_built_for_cuda", lambda built=is_built: built)
        found = findings(tmp_path)["gpu"]
        assert found.state == state and "Some GPU, 80000 MiB, capability 9.0" in found.text
        assert hardware.best_device() == device
    assert hardware.cuda_has_bf16()


def test_a_check_that_breaks_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    assert "ModuleNotFoundError" in findings(tmp_path)["audio"].text


def test_a_quota_limits_the_cpus(tmp_path: Path) -> None:
    assert hardware._cgroup_quota(tmp_path) is None
    for text, expected in (("max 100000", None), ("150000 100000\n", 1.5), ("1 0", None)):
        (tmp_path / "cpu.max").write_text(text)
        assert hardware._cgroup_quota(tmp_path) == expected
    (tmp_path / "cpu.max").unlink()
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("-1")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000")
    assert hardware._cgroup_quota(tmp_path) is None
    assert hardware.n_cpus() >= 1


def test_the_cpu_is_asked_through_proc(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor : 0\nmodel name\t: Some CPU\nflags\t\t: fpu avx512_bf16\n")
    assert hardware._cpu_field("model name", path=str(cpuinfo)) == "Some CPU"
    assert "avx512_bf16" in hardware._cpu_field("flags", path=str(cpuinfo)).split()
    assert hardware._cpu_field("flags", path=str(tmp_path / "none")) == ""
    assert hardware.cpu_has_bf16() in (True, False)
    assert hardware.memory_mb() is None or hardware.memory_mb() > 100


class Driver:
    """What the CUDA driver library answers; `byref` arguments carry their object as `_obj`."""

    def __init__(self, error: int = 0) -> None:
        self.error = error

    def _set(self, pointer: Any, value: int) -> int:
        pointer._obj.value = value
        return self.error

    def cuDeviceGetCount(self, count: Any) -> int:
        count._obj.value = 2
        return 0

    def cuDriverGetVersion(self, version: Any) -> int:
        return self._set(version, 12080)

    def cuDeviceGet(self, handle: Any, index: int) -> int:
        return self._set(handle, index)

    def cuDeviceGetName(self, name: Any, size: int, handle: Any) -> int:
        name.value = f"GPU {handle.value}".encode()
        return self.error

    def cuDeviceTotalMem_v2(self, memory_bytes: Any, handle: Any) -> int:
        return self._set(memory_bytes, 80 * 2**30)

    def cuDeviceGetAttribute(self, value: Any, attribute: int, handle: Any) -> int:
        return self._set(value, {75: 8, 76: 6}[attribute])


def test_gpus_are_asked_through_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    ask = hardware.cuda_info.__wrapped__
    monkeypatch.setattr(hardware, "_cuda_driver", Driver)
    assert ask() == (("GPU 0", 81920, "8.6"), ("GPU 1", 81920, "8.6"))
    assert hardware.cuda_driver_version() == "12.8"
    monkeypatch.setattr(hardware, "_cuda_driver", lambda: Driver(error=999))
    assert ask() == ()
    monkeypatch.setattr(hardware, "_cuda_driver", lambda: None)
    assert ask() == () and hardware.cuda_driver_version() is None


def test_it_is_a_command() -> None:
    assert isinstance(command, click.Command)
