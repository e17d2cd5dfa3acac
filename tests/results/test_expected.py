from __future__ import annotations

from pathlib import Path

import pytest

from devbench.benchmark.load import load_benchmark
from devbench.benchmark.splits import assign
from devbench.corpora.manifest import Corpus
from devbench.errors import CheckError
from devbench.plugin_kit.tiny import DEVICES, make_benchmark, make_corpus
from devbench.results.expected import Expectation, corpus_folders
from devbench.results.record import BenchmarkPlan, Record
from helpers.records import make_plan, make_run, sha


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return make_corpus(tmp_path_factory.mktemp("data") / "tiny")


@pytest.fixture(scope="module")
def benchmark_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_benchmark(tmp_path_factory.mktemp("benchmark") / "tiny.toml")


def record_of(corpus: Corpus, benchmark_file: Path, *, per_target: bool = False) -> Record:
    benchmark = load_benchmark(str(benchmark_file))
    plan = make_plan(
        devices=DEVICES,
        corpus_fingerprint=corpus.fingerprint,
        per_target=per_target,
    ).model_copy(update={"benchmark": BenchmarkPlan(id="tiny", version=1, sha256=benchmark.sha256)})
    changes = {"plan": plan, "classes": benchmark.classes}
    return make_run().record.model_copy(update=changes)


@pytest.mark.parametrize("per_target", [False, True])
def test_exactly_the_test_clips_are_expected(
    corpus: Corpus, benchmark_file: Path, per_target: bool
) -> None:
    data = corpus.folder.parent
    expectation = Expectation(corpus_folders(data / "no-store", data), str(benchmark_file))
    found = expectation(record_of(corpus, benchmark_file, per_target=per_target))
    assert found is not None
    split_of = assign(corpus.clips, load_benchmark(str(benchmark_file)).splits)
    devices = DEVICES[1:] if per_target else DEVICES
    assert dict(found) == {
        (clip.device, clip.event_id): clip.label
        for clip in corpus.clips
        if split_of[clip.event_id] == "test" and clip.device in devices
    }
    assert expectation(record_of(corpus, benchmark_file, per_target=per_target)) == found


@pytest.mark.parametrize(
    "changes",
    [{"targets": ["tablet"]}, {"targets": ["watch", "tablet"]}, {"source": "clock"}],
    ids=str,
)
def test_other_devices_than_the_benchmark_has_are_refused(
    corpus: Corpus, benchmark_file: Path, changes: dict[str, object]
) -> None:
    """A run without the hardest device follows from its own logits, and is no result."""
    record = record_of(corpus, benchmark_file)
    plan = record.plan.model_copy(update=changes)
    for folders in ([corpus.folder], []):
        expectation = Expectation(folders, str(benchmark_file))
        with pytest.raises(CheckError, match="not those of benchmark 'tiny'"):
            expectation(record.model_copy(update={"plan": plan}))
        with pytest.raises(CheckError, match="classes"):
            expectation(record.model_copy(update={"classes": ["hum", "tick", "noise"]}))


def test_a_corpus_or_benchmark_that_is_not_here_is_none(
    corpus: Corpus, benchmark_file: Path, tmp_path: Path
) -> None:
    record = record_of(corpus, benchmark_file)
    folders = [corpus.folder]
    assert Expectation([], str(benchmark_file))(record) is None
    assert Expectation(folders)(record) is None
    corpus_plan = record.plan.corpus.model_copy(update={"fingerprint": sha("other")})
    plan = record.plan.model_copy(update={"corpus": corpus_plan})
    other = record.model_copy(update={"plan": plan})
    assert Expectation(folders, str(benchmark_file))(other) is None
    (tmp_path / "corpus.toml").write_text("broken")
    assert Expectation([tmp_path, *folders], str(benchmark_file))(record) is not None


def test_corpora_are_sought_below_data_and_in_the_cache(tmp_path: Path) -> None:
    store, data = tmp_path / "store", tmp_path / "data"
    for folder in (
        store / "cache/corpora/sim7-1-abc",
        store / "cache/corpora/.sim7.making",
        data / "mics7",
        data / "notes",
    ):
        folder.mkdir(parents=True)
        if folder.name != "notes":
            (folder / "corpus.toml").write_text("")
    names = [folder.name for folder in corpus_folders(store, data)]
    assert names == ["mics7", "sim7-1-abc"]
    assert [folder.name for folder in corpus_folders(store, None)] == ["sim7-1-abc"]
