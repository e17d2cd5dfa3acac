"""Task 'check': load plugins, try each of them, and report a finding per rule.

First all of them describe themselves, while torch is not loaded; then each is tried. What ends
this process is told by whoever started it, from the last report of what was being done.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from devbench.contract.options import arguments, options_of, resolve
from devbench.errors import DevbenchError, PluginError
from devbench.plugin_kit.probing import Broken, Probe
from devbench.plugin_kit.rules import IN_A_RUN
from devbench.plugin_kit.watch import LABELS, Belongings, Watch
from devbench.registry import PluginRef, load_module, load_spec
from devbench.running.late import is_late, make_late
from devbench.running.worker import Channel

HEAVY = ("torchaudio", "torchvision", "numpy", "scipy", "librosa", "sklearn", "pandas",
         "matplotlib", "soundfile", "soxr", "mlflow")  # fmt: skip
GIVEN: Mapping[str, tuple[str, ...]] = {
    "method": (),
    "backbone": ("n_classes", "n_bins"),
    "frontend": ("features",),
}
STDOUT = "stdout.txt"


def run(job: Mapping[str, Any], channel: Channel) -> dict[str, Any]:
    """Check job['items']: each a plugin, its --set texts and the changes of its artifacts.

    job['folder']: where paths in --set texts begin; this child works elsewhere.
    """
    refs = [PluginRef(**item["plugin"]) for item in job["items"]]
    _keep_stdout()
    make_late("torch")
    watch = Watch()
    probes = []
    for number, (ref, item) in enumerate(zip(refs, job["items"], strict=True)):
        probe = Probe(
            ref,
            channel,
            watch,
            number=number,
            artifact=item["artifact"],
            longest_s=float(job["longest_s"]),
        )
        watch.begin(ref)
        described = partial(_describe, probe, item["settings"], job["folder"])
        if probe.part("importing it", described):
            probes.append(probe)
        else:
            probe.settle(tried=False)
        _look_at_stdout(probe)
    if all(ref.kind in IN_A_RUN for ref in refs):
        for kind in {ref.kind for ref in refs}:
            importlib.import_module(f"devbench.plugin_kit.{kind}_rules")
        _lay_bait()
        watch.arm(refs)
    for probe in probes:
        watch.begin(probe.ref)
        _allow_folders(probe)
        _try_out(probe)
        _end(probe, channel)
    return {}


def _try_out(probe: Probe) -> None:
    """Let the rules of its kind be looked at."""
    kind = probe.ref.kind
    module = importlib.import_module(f"devbench.plugin_kit.{kind}_rules")
    if kind not in IN_A_RUN:
        module.look(probe)
        probe.settle()
        return
    belongings = Belongings(probe.ref)
    module.look(probe)
    probe.settle(belongings.changes())


def _end(probe: Probe, channel: Channel) -> None:
    """Let the other side look for processes that it started."""
    _look_at_stdout(probe)
    probe.passed("R02", "R03", "R04", "R06")
    channel.send({"event": "ending", "number": probe.number, "pid": os.getpid()})


def _look_at_stdout(probe: Probe) -> None:
    """Tell what it printed since the last look."""
    sys.stdout.flush()
    printed = Path(STDOUT).read_bytes()
    if printed:
        probe.failed("R06", f"{printed[:80]!r}")
        Path(STDOUT).write_bytes(b"")


def _keep_stdout() -> None:
    """Let what is printed go to a file of its own, also from compiled code."""
    fd = os.open(STDOUT, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    sys.stdout.flush()
    os.dup2(fd, 1)
    os.close(fd)


def _lay_bait() -> None:
    """Put labels where those of a run lie: a plugin has no business there."""
    import numpy as np

    for name in ("train", "val"):
        Path(name).mkdir(exist_ok=True)
        np.save(Path(name, LABELS), np.zeros(4, np.int64))


def _describe(probe: Probe, settings: Mapping[str, str], folder: str) -> None:
    """Load the plugin and look at what it says of itself; folder: where --set paths begin."""
    ref = probe.ref
    before, torch_was_late = set(sys.modules), is_late("torch")
    try:
        probe.module = load_module(ref)
    except PluginError as error:
        raise Broken("R01", error.what) from error
    probe.passed("R01")
    if ref.kind == "observer":
        return  # it has no spec; its hooks are looked at when they are called
    try:
        probe.spec = load_spec(ref, probe.module)
    except PluginError as error:
        raise Broken("R09" if "for plugin API" in error.what else "R08", error.what) from error
    probe.passed("R08", "R09")
    home = sys.modules.get(getattr(probe.spec.build, "__module__", ""))
    docs = (getattr(home, "__doc__", None), getattr(probe.spec.build, "__doc__", None))
    if not any((doc or "").strip() for doc in docs):
        probe.failed("R12", "neither its module nor what builds it has a docstring")
    probe.passed("R12")
    if ref.kind in GIVEN:
        _look_at_options(probe, settings, folder)
    loaded = [name for name in HEAVY if name in set(sys.modules) - before]
    if torch_was_late and not is_late("torch"):
        loaded.insert(0, "torch")
    if loaded:
        probe.failed("R10", f"asking for its options loads {', '.join(loaded)}")
    probe.passed("R10")


def _allow_folders(probe: Probe) -> None:
    """Let it read the folders that it was given as options."""
    for value in probe.options.values():
        if isinstance(value, Path):
            probe.watch.allow(value)


def _look_at_options(probe: Probe, settings: Mapping[str, str], folder: str) -> None:
    try:
        options = options_of(probe.spec.build, given=GIVEN[probe.ref.kind])
        values = resolve(options, settings, owner=probe.spec.name)
    except DevbenchError as error:
        raise Broken("R11", f"{error.what} (fix: {error.fix})") from error
    for option in options:
        if option.is_required and option.name not in settings:
            raise Broken(
                "R11", f"option {option.name!r} has no default: give --set {option.name}=PATH"
            )
    found = arguments(options, values)
    probe.options = {
        name: Path(folder, value) if isinstance(value, Path) else value
        for name, value in found.items()
    }
    if probe.ref.kind == "method":
        try:
            probe.spec.build(**probe.options)
        except Exception as error:
            raise Broken("R11", f"it cannot be built: {type(error).__name__}: {error}") from error
        probe.passed("R11")
