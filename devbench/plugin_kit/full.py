"""Whole runs of a plugin on the tiny corpus: they end, repeat, and do not feel what is held out."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devbench.errors import DevbenchError
from devbench.plugin_kit.report import Finding, shortened
from devbench.registry import PluginRef
from devbench.running.observe import CHOICE_VARIABLE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from devbench.plugin_kit.checking import Checking
    from devbench.results.record import Record
    from devbench.running.plan import Planned

SOURCE = "phone"
WALL_S = "900.0"
"""Limit of each phase: far above what it takes, also where the machine is busy."""
N_MELS = "32"
"""Two patches of 16 bins: a transformer that is pretrained hides some and sees others."""
RUNS = ("R80", "R81", "R82")
KEPT_FOR = {"unpaired-target": "convert", "target-labels": "train"}
"""The split of the targets that a method may see."""


class Quiet:
    """A Talk that keeps warnings and says nothing."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def phase(self, name: str) -> None:
        """Hear that a phase begins."""

    def progress(self, done: int, total: int) -> None:
        """Hear how far the phase is."""

    def epoch(self, report: Mapping[str, Any]) -> None:
        """Hear the source numbers of an epoch."""

    def artifact(self, report: Mapping[str, Any]) -> None:
        """Hear how far the build of an artifact is."""

    def warn(self, words: str) -> None:
        """Keep what went wrong."""
        self.warnings.append(words)


@dataclass(frozen=True, slots=True)
class _World:
    """Folders of a plugin's runs: each run has a store of its own."""

    folder: Path
    ref: PluginRef
    settings: tuple[str, ...]

    def run(self, name: str, data: Path) -> tuple[Planned, Record]:
        """Plan and carry out a run on the corpus in data, from an empty store."""
        from devbench.plugin_kit.tiny import make_benchmark
        from devbench.results.store import Store
        from devbench.running.pipeline import plan_run, run
        from devbench.running.plan import Request

        store = Store(self.folder / f"store-{name}")
        ref, is_method = self.ref, self.ref.kind == "method"
        request = Request(
            method=_asked(ref) if is_method else "baseline",
            source=SOURCE,
            benchmark=str(make_benchmark(self.folder / "tiny.toml", wall_s=WALL_S, n_mels=N_MELS)),
            backbone=_asked(ref) if ref.kind == "backbone" else None,
            frontend=_asked(ref) if ref.kind == "frontend" else None,
            settings=self.settings,
            plugin_file=Path(ref.file) if ref.file else None,
            threads=1,
            device="cpu",
        )
        talk = Quiet()
        planned = plan_run(request, data=data, store=store.folder, talk=talk)
        return planned, run(planned, store, talk=talk).record


def _asked(ref: PluginRef) -> str:
    return ref.name if ref.file else f"{ref.distribution}:{ref.name}"


def look_at_runs(
    ref: PluginRef, seen: Mapping[str, Finding], checking: Checking
) -> dict[str, Finding]:
    """Return findings of the rules of whole runs, and for a corpus of a second making."""
    broken = [number for number, finding in seen.items() if finding.state == "failed"]
    if broken or ref.kind == "observer":
        return {}
    with tempfile.TemporaryDirectory(prefix="devbench-runs-", ignore_cleanup_errors=True) as name:
        if ref.kind == "corpus":
            return {"R62": _made_again(ref, Path(name))}
        why = _why_not(ref, checking)
        if why:
            return {rule: Finding(rule, "skipped", why) for rule in RUNS}
        prefix = "" if ref.kind == "method" else f"{ref.kind}."
        settings = tuple(f"{prefix}{key}={value}" for key, value in checking.settings.items())
        with _no_observers():
            return _runs(_World(Path(name), ref, settings))


def _why_not(ref: PluginRef, checking: Checking) -> str:
    if ref.file and ref.kind != "method":
        return f"a {ref.kind} from a file cannot be run: install it, and give its name"
    if checking.artifact:
        return "a run takes its artifacts as they are: without --artifact, or by devbench run"
    return ""


def _runs(world: _World) -> dict[str, Finding]:
    """Run, run again, and run with all that is held out replaced by noise."""
    from devbench.files import canonical_json
    from devbench.plugin_kit.tiny import make_corpus

    data, spoiled = world.folder / "data", world.folder / "spoiled"
    found: dict[str, Finding] = {}
    try:
        make_corpus(data / "tiny")
        planned, first = world.run("first", data)
        found["R80"] = Finding("R80", "passed")
        _, second = world.run("second", data)
        before, now = first.reproducible(), second.reproducible()
        differ = sorted(key for key in before if before[key] != now[key])
        is_same = canonical_json(before) == canonical_json(now)
        words = f"{', '.join(differ)} of the record differ"
        found["R81"] = Finding("R81", "passed") if is_same else Finding("R81", "failed", words)
        make_spoiled(spoiled / "tiny", planned)
        _, third = world.run("third", spoiled)
        weights = [[model.weights_sha256 for model in run.models] for run in (first, third)]
        if not is_same:
            found["R82"] = Finding("R82", "skipped", "weights of equal runs differ: see R81")
        elif weights[0] == weights[1]:
            found["R82"] = Finding("R82", "passed")
        else:
            seen = "weights changed when clips that it must not see became noise"
            found["R82"] = Finding("R82", "failed", seen)
    except DevbenchError as error:
        rule = "R80" if "R80" not in found else "R81" if "R81" not in found else "R82"
        found[rule] = Finding(rule, "failed", shortened(f"{error.what} (fix: {error.fix})"))
    return found


def make_spoiled(folder: Path, planned: Planned) -> None:
    """Write the tiny corpus with noise in place of all that a planned run must not see."""
    import numpy as np

    from devbench.plugin_kit.tiny import make_corpus

    split_of = planned.split_of
    kept = {KEPT_FOR[need] for need in planned.plan.method.needs if need in KEPT_FOR}
    of_source = {"train", "val", "convert"} if planned.pretrains else {"train", "val"}

    def spoil(sound: NDArray[np.float64], device: str, event: str) -> NDArray[np.float64]:
        if (device == SOURCE and split_of[event] in of_source) or split_of[event] in kept:
            return sound
        noise: NDArray[np.float64] = np.random.default_rng(int(event)).normal(0, 0.3, len(sound))
        return noise

    make_corpus(folder, change=spoil)


def _made_again(ref: PluginRef, folder: Path) -> Finding:
    """Make a corpus twice, in two processes, and compare its fingerprint."""
    from devbench.corpora.manifest import open_corpus
    from devbench.running.corpus import LIMITS
    from devbench.running.process import run_worker

    fingerprints = []
    for name in ("first", "second"):
        job = {"plugin": ref.to_dict(), "folder": "corpus"}
        try:
            run_worker("corpus", job, scratch=folder / name, limits=LIMITS)
            fingerprints.append(open_corpus(folder / name / "corpus").fingerprint)
        except DevbenchError as error:
            return Finding("R62", "failed", shortened(error.what))
    if fingerprints[0] == fingerprints[1]:
        return Finding("R62", "passed")
    return Finding("R62", "failed", "made twice, the corpus has two fingerprints")


@contextmanager
def _no_observers() -> Iterator[None]:
    """Keep these runs out of MLflow and of every other observer."""
    before = os.environ.get(CHOICE_VARIABLE)
    os.environ[CHOICE_VARIABLE] = "none"
    try:
        yield
    finally:
        if before is None:
            del os.environ[CHOICE_VARIABLE]
        else:
            os.environ[CHOICE_VARIABLE] = before
