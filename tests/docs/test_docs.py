"""The README's and the contract's examples run; links lead somewhere; lists are complete."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from devbench import registry
from devbench.benchmark.load import benchmark_names
from devbench.contract import hookspecs
from devbench.contract.batch import Batch
from devbench.results import store
from devbench.running import describe_task
from devbench.running.describe import describe
from helpers.documents import (
    DOCUMENTS,
    FENCE,
    ROOT,
    after,
    blocks,
    first_cells,
    section,
    text_of,
)
from helpers.runs import World

PROJECT = tomllib.loads(text_of("pyproject.toml"))


# The README's method.


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the README's method, saved under the name that the README gives it."""
    (source,) = blocks(text_of("README.md"), "python")
    assert "Save this as `my_tilt.py`" in text_of("README.md")
    path = tmp_path_factory.mktemp("example") / "my_tilt.py"
    path.write_text(source)
    return path


def test_the_example_describes_itself(example: Path) -> None:
    ref = registry.from_file("method", "my-tilt", example)
    found = describe([ref])["method"]
    assert (found["track"], found["options"]) == ("blind", {"steepest_db": 4.0})
    opened = describe([ref], {"method": {"steepest_db": "8"}})["method"]
    assert opened["options"] == {"steepest_db": 8.0}


def test_the_example_runs_and_its_row_has_the_status_that_is_told(
    example: Path, tiny_data: Path, tmp_path: Path
) -> None:
    from devbench.results.gather import from_store

    world = World.make(tmp_path, tiny_data)
    found = world.run_file(example)
    assert found.plan.method.is_file
    rows = from_store(world.store, tiny_data, warn=pytest.fail).blocks()[0].tables[0][1]
    assert [(row.method, row.status, row.rank) for row in rows] == [("my-tilt", "file", None)]
    words = section(text_of("docs/record-format.md"), "## `measured`")
    assert first_cells(words) == list(found.measured)
    for key, value in found.measured.items():
        for name in value if isinstance(value, dict) else ():
            assert f"`{name}`" in words, f"measured.{key}.{name}"


def test_the_example_keeps_its_promises(example: Path) -> None:
    import torch

    spec = registry.load_spec(registry.from_file("method", "my-tilt", example))
    batch = Batch(
        target=torch.eye(3),
        bin_hz=torch.tensor([100.0, 1000.0, 4000.0, 8000.0]),
        spectrogram_db=torch.randn(3, 1, 4, 5),
    )
    assert batch.spectrogram_db is not None
    method = spec.build(steepest_db=6.0)
    once, again, other = (
        method.augment(batch, torch.Generator().manual_seed(s)) for s in (1, 1, 2)
    )
    assert torch.equal(once.spectrogram_db, again.spectrogram_db)
    assert not torch.equal(once.spectrogram_db, other.spectrogram_db)
    shift_db = once.spectrogram_db - batch.spectrogram_db
    assert torch.allclose(shift_db, shift_db[..., :1].expand_as(shift_db), atol=1e-5)  # float32
    octaves = torch.log2(batch.bin_hz[1:] / batch.bin_hz[:-1])
    slopes = shift_db[:, 0, :, 0].diff(dim=1) / octaves  # [batch, 3] dB per octave
    assert bool((slopes.abs() <= 6.0 + 1e-3).all())
    assert torch.allclose(slopes, slopes[:, :1].expand_as(slopes), atol=1e-3)
    still = spec.build(steepest_db=0.0).augment(batch, torch.Generator().manual_seed(1))
    assert torch.equal(still.spectrogram_db, batch.spectrogram_db)


def test_the_example_installs_as_its_entry_point_says(
    example: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (text,) = blocks(text_of("README.md"), "toml")
    project = tomllib.loads(text)
    entries = project["project"]["entry-points"]
    assert project["tool"]["setuptools"]["py-modules"] == [example.stem]
    folder = example.parent / "devbench_my_tilt-0.1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: devbench-my-tilt\nVersion: 0.1.0\n"
    )
    lines = [f"[{group}]\n{k} = {v}" for group, own in entries.items() for k, v in own.items()]
    (folder / "entry_points.txt").write_text("\n".join(lines) + "\n")
    monkeypatch.syspath_prepend(str(example.parent))
    monkeypatch.setenv("PYTHONPATH", str(example.parent))
    ref = registry.find("method", "my-tilt")
    assert ref.distribution == "devbench-my-tilt"
    assert describe([ref])["method"]["name"] == "my-tilt"


@pytest.mark.usefixtures("without_workers")
def test_examples_of_the_contract_run(tiny_data: Path, tmp_path: Path) -> None:
    for number, source in enumerate(blocks(text_of("docs/plugin-contract.md"), "python")):
        path = tmp_path / f"example_{number}.py"
        path.write_text(source)
        if "def devbench_method" in source:
            name = re.findall(r'MethodSpec\(name="([a-z-]+)"', source)[0]
            world = World.make(tmp_path / name, tiny_data)
            found = world.run(name, plugin_file=path)
            assert found.plan.method.track == "unpaired-target"
        else:
            import pluggy

            manager = pluggy.PluginManager(hookspecs.PROJECT)
            manager.add_hookspecs(hookspecs)
            manager.register(registry.load_module(registry.from_file("observer", "x", path)))
            manager.check_pending()


# What is there.


TRACK_OF_SECTION = {
    "Blind": "blind",
    "Device responses": "device-fr",
    "Unlabelled target clips": "unpaired-target",
    "Both": "device-fr+unpaired-target",
    "Test time": "test-time",
    "Bounds": "oracle",
}


@pytest.fixture(scope="module")
def said() -> dict[str, dict[str, Any]]:
    """Return what every built-in method says of itself, asked here: a child for each takes long."""
    names = PROJECT["project"]["entry-points"]["devbench.methods"]
    return {name: describe_task.describe(registry.find("method", name), {}, None) for name in names}


def test_every_method_is_told_in_the_section_of_its_track(said: dict[str, dict[str, Any]]) -> None:
    told: dict[str, tuple[str, str]] = {}
    for title, track in TRACK_OF_SECTION.items():
        rows = re.findall(
            r"^\| (`[^|]*) \| (\w+) \|",
            section(text_of("docs/methods.md"), f"## {title}"),
            re.MULTILINE,
        )
        told |= {
            name: (track, acts_on)
            for cell, acts_on in rows
            for name in re.findall(r"`([^`]+)`", cell)
        }
    assert set(told) == set(PROJECT["project"]["entry-points"]["devbench.methods"])
    for name, (track, acts_on) in told.items():
        assert said[name]["track"] == track, name
        if acts_on in ("spectrogram", "waveform"):
            assert said[name]["acts_on"] == acts_on, name


def test_readme_names_methods_in_their_tracks(said: dict[str, dict[str, Any]]) -> None:
    words = section(text_of("README.md"), "## What is built in")
    for cell, track in re.findall(r"^\| (`[^|]*) \| ([a-z+-]+) \|", words, re.MULTILINE):
        for name in re.findall(r"`([^`]+)`", cell):
            assert said[name]["track"] == track, name


def test_built_in_plugins_are_listed() -> None:
    words = section(text_of("README.md"), "## What is built in")
    for group, entries in PROJECT["project"]["entry-points"].items():
        if group == "pytest11":  # a plugin of pytest
            continue
        for name in entries:
            assert re.search(rf"\b{name}\b", text_of("CHANGELOG.md").lower()), f"{group}: {name}"
            if group not in ("devbench.observers", "devbench.methods"):
                assert f"`{name}`" in words, f"{group}: {name}"


def test_built_in_benchmarks_are_listed() -> None:
    for name in benchmark_names():
        assert re.search(rf"\b{name}\b", text_of("CHANGELOG.md")), name
        assert f"`{name}`" in text_of("README.md") or f"--benchmark {name}" in text_of("README.md")


def test_folders_of_the_store_are_listed() -> None:
    told = {cell.rstrip("/") for cell in first_cells(after(text_of("README.md"), "| path |"))}
    assert told == {*store.FOLDERS, "mlflow.db", "mlartifacts"}


def test_folders_of_the_tree_are_listed() -> None:
    told = set(re.findall(r"^    ([a-z]+)/ {2,}", text_of("README.md"), re.MULTILINE))
    assert told == {"devbench", "plugins", "benchmarks", "leaderboards", "docs", "tests"}
    assert all((ROOT / name).is_dir() for name in told - {"leaderboards"})


def test_the_order_of_rooms_is_the_tested_one() -> None:
    source = text_of("tests/test_import_order.py")
    rooms = re.findall(r'"(\w+)"', source[source.index("ROOMS = (") : source.index("FIT = (")])
    told = re.search(
        r"\n\n((?:    [a-z_ ]+\n)+)\n`tests/test_import_order", text_of("CONTRIBUTING.md")
    )
    assert told is not None and told[1].split() == rooms


def anchor(heading: str) -> str:
    """Return the name under which a heading can be linked, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    plain = FENCE.sub("", path.read_text())
    for target in re.findall(r"\]\(([^)\s]+)\)", plain):
        assert "://" not in target, f"{target}: the documents must read without a network"
        name, _, place = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        assert file.exists(), f"{path.name}: {target}"
        if place:
            headings = re.findall(r"^#+ (.*)$", FENCE.sub("", file.read_text()), re.MULTILINE)
            assert place in map(anchor, headings), f"{path.name}: {target}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_that_are_named_exist(path: Path) -> None:
    text = path.read_text()
    for name in re.findall(r"\b((?:tests|plugins|benchmarks|devbench|docs)/[\w/.-]+\.\w+)\b", text):
        assert (ROOT / name).exists(), name


def test_the_headline_fact_is_the_published_one() -> None:
    from devbench.results.published import published_rows

    (row,) = (r for r in published_rows() if (r.table, r.method) == ("mc-table", "baseline"))
    assert (f"{row.source_score:.2f}", f"{row.mean_targets:.2f}") == ("0.98", "0.50")
    words = " ".join(text_of("README.md").split())
    assert "an F1 of 0.98 on that phone and 0.50 on average on six other devices" in words


def test_json_in_the_documents_is_json() -> None:
    for path in DOCUMENTS:
        for text in blocks(path.read_text(), "json"):
            json.loads(text)


def test_the_readme_is_short() -> None:
    assert len(text_of("README.md").splitlines()) <= 230
