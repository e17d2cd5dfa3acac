"""The embedded corpora: same seed same bytes, names that do not tell, light hook modules."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from devbench.audio.files import read_clip
from devbench.benchmark.model import Benchmark, folder_of_benchmarks
from devbench.contract.parts import CorpusSpec
from devbench.corpora.manifest import Corpus, open_corpus
from devbench.files import read_toml
from devbench.models import validated
from devbench_plugins.corpora import sim7, sim7_75
from devbench_plugins.corpora.synthesis import corpus as made
from devbench_plugins.corpora.synthesis.catalogue import CATALOGUE, SIM7
from devbench_plugins.corpora.synthesis.devices import DEVICES
from devbench_plugins.corpora.synthesis.shapes import N_SAMPLES, SAMPLE_RATE_HZ

FEW = ("bell", "rain", "speech-voiced")


def build(folder: Path, classes: tuple[str, ...] = FEW) -> Corpus:
    made.build(
        folder,
        lambda done, total: None,
        name="few",
        title="a few",
        version=1,
        classes=classes,
        events_per_class=2,
    )
    return open_corpus(folder)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return build(tmp_path_factory.mktemp("few"))


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_every_event_is_heard_by_every_device(few: Corpus) -> None:
    assert [device.id for device in few.devices] == [device.id for device in DEVICES]
    assert Counter(clip.device for clip in few.clips) == dict.fromkeys(
        (device.id for device in DEVICES), 2 * len(FEW)
    )
    for clip in few.clips:
        samples = read_clip(
            few.folder / clip.path,
            sha256=clip.sha256,
            n_samples=N_SAMPLES,
            sample_rate_hz=SAMPLE_RATE_HZ,
        )
        assert 0.003 < float(np.sqrt(np.mean(samples**2))) < 0.5
    for device in DEVICES:
        response = few.response(device.id)
        assert response is not None and len(response.freq_hz) == 128
        assert (few.folder / "impulses" / f"{device.id}.flac").exists()


def test_the_corpus_says_that_it_is_simulated(few: Corpus) -> None:
    assert few.header.provenance == "simulated"
    for device in few.devices:
        assert device.provenance == "simulated"
        assert device.label.startswith("simulated ") and device.id in device.label


def test_names_do_not_tell_the_class(few: Corpus) -> None:
    for clip in few.clips:
        assert clip.label not in clip.path and clip.label not in clip.clip_id


def test_same_bytes_in_another_order_and_process(few: Corpus, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path;"
        "from devbench_plugins.corpora.synthesis import corpus;"
        "corpus.MAX_THREADS = 1; corpus.build(Path(sys.argv[1]), lambda d, t: None, name='few',"
        "title='a few', version=1, classes=sys.argv[2:], events_per_class=2)"
    )
    command = [sys.executable, "-c", code, str(tmp_path), *reversed(FEW)]
    subprocess.run(command, check=True, timeout=120)
    assert files_of(tmp_path) == files_of(few.folder)


def test_events_do_not_depend_on_the_other_classes(few: Corpus, tmp_path: Path) -> None:
    alone = build(tmp_path, ("rain",))
    hashes = {clip.clip_id: clip.sha256 for clip in few.clips}
    assert all(hashes[clip.clip_id] == clip.sha256 for clip in alone.clips)


def test_events_of_a_class_differ_and_every_class_sounds() -> None:
    assert len(CATALOGUE) == 75
    assert len(SIM7) == 20 and set(SIM7) <= set(CATALOGUE)
    for label in CATALOGUE:
        one, other = made.event(label, 0), made.event(label, 1)
        assert one.shape == (N_SAMPLES,) and np.all(np.isfinite(one))
        level_db = 10 * np.log10(np.mean(one**2))
        assert abs(level_db + 26) < 3.01
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.9


def test_ids_are_unique() -> None:
    ids = {made.event_id(label, index) for label in CATALOGUE for index in range(40)}
    assert len(ids) == 75 * 40


def test_an_error_while_building_ends_the_building(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> str:
        raise OSError("no disk")

    calls: list[int] = []
    monkeypatch.setattr(made, "_write_event", fail)
    with pytest.raises(OSError, match="no disk"):
        made.build(
            tmp_path,
            lambda done, total: calls.append(done),
            name="few",
            title="a few",
            version=1,
            classes=FEW,
            events_per_class=40,
        )
    assert calls == [0]
    assert not (tmp_path / "manifest.csv").exists()


@pytest.mark.parametrize(
    ("plugin", "classes"), [(sim7, SIM7), (sim7_75, tuple(CATALOGUE))], ids=["sim7", "sim7-75"]
)
def test_plugin_and_benchmark_agree(
    plugin: object, classes: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = plugin.devbench_corpus()  # type: ignore[attr-defined]
    assert isinstance(spec, CorpusSpec)
    path = folder_of_benchmarks() / f"{spec.name}.toml"
    benchmark = validated(Benchmark, read_toml(path), origin=str(path))
    assert benchmark.id == benchmark.corpus == spec.name
    assert benchmark.classes == sorted(classes)
    assert benchmark.devices == [device.id for device in DEVICES]
    assert set(benchmark.budgets) == {"quick", "standard", "paper"}
    asked: dict[str, object] = {}
    monkeypatch.setattr(made, "build", lambda folder, progress, **plan: asked.update(plan))
    spec.build(tmp_path, lambda done, total: None)
    assert sorted(asked["classes"]) == sorted(classes)  # type: ignore[call-overload]
    assert (asked["name"], asked["version"]) == (spec.name, spec.version)
    assert asked["events_per_class"] == 40


def test_the_hook_modules_are_light() -> None:
    code = (
        "import sys, devbench_plugins.corpora.sim7 as a, devbench_plugins.corpora.sim7_75 as b;"
        "a.devbench_corpus(), b.devbench_corpus();"
        "sys.exit(len({'numpy', 'torch', 'soundfile', 'scipy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
