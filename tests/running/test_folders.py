"""A folder as an option: named by its content, staged as a copy, refused where it is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from devbench.contract.options import FOLDER
from devbench.errors import DataError
from devbench.running import folders
from devbench.running.folders import content_sha256, given, named_by_content, stage_folders
from helpers.runs import World

pytestmark = pytest.mark.usefixtures("module_without_workers")

METHOD = Path(__file__).parent / "plugins" / "counts_files.py"

SAYS = """
from devbench import Method, MethodSpec, hookimpl

class Says(Method):
    def __init__(self, note: str = "") -> None:
        assert note in ("", "folder:abc"), repr(note)

@hookimpl
def devbench_method():
    return MethodSpec(name="says", build=Says)
"""


@pytest.fixture(scope="module")
def world(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    return World.make(tmp_path_factory.mktemp("world"), tiny_data)


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    folder = tmp_path / "pools" / "pool"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.wav").write_bytes(b"a")
    (folder / "deep" / "b.wav").write_bytes(b"b")
    return folder


def test_the_name_follows_the_content_and_not_the_place(pool: Path, tmp_path: Path) -> None:
    first = content_sha256(pool)
    moved = pool.rename(tmp_path / "elsewhere")
    assert content_sha256(moved) == first
    (moved / ".hidden").write_bytes(b"x")
    (moved / "link").symlink_to(moved / "a.wav")
    assert content_sha256(moved) == first
    (moved / "a.wav").write_bytes(b"b")
    assert content_sha256(moved) != first
    (moved / "a.wav").write_bytes(b"a")
    (moved / "a.wav").rename(moved / "c.wav")
    assert content_sha256(moved) != first


def test_a_plan_holds_hashes_and_other_values_stay(pool: Path) -> None:
    options = {"folder": f"{FOLDER}{pool}", "other": FOLDER, "width": 3}
    found = given(options, {"folder": "folder", "other": "folder", "width": "int"})
    assert found == {"folder": pool}
    assert named_by_content(options, found) == {
        "folder": FOLDER + content_sha256(pool), "other": FOLDER, "width": 3,
    }  # fmt: skip


def test_a_copy_is_staged_and_a_folder_that_changes_is_refused(pool: Path, tmp_path: Path) -> None:
    planned = named_by_content({"folder": f"{FOLDER}{pool}"}, {"folder": pool})
    stage_folders({"folder": pool}, planned, tmp_path)
    copy = tmp_path / folders.STAGED / "folder"
    assert sorted(p.name for p in copy.rglob("*") if p.is_file()) == ["a.wav", "b.wav"]
    (pool / "late.wav").write_bytes(b"x")
    with pytest.raises(DataError, match="changed while it was read"):
        stage_folders({"folder": pool}, planned, tmp_path)


def test_no_folder_an_empty_and_a_huge_one_are_refused(
    pool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DataError, match="is no folder"):
        content_sha256(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no file in"):
        content_sha256(tmp_path / "empty")
    monkeypatch.setattr(folders, "MAX_FILES", 1)
    with pytest.raises(DataError, match="more than 1 files"):
        content_sha256(pool)


def test_a_run_reads_the_copy_and_is_named_by_the_content(world: World, pool: Path) -> None:
    record = world.run_file(METHOD, settings=(f"folder={pool}",))
    assert record.plan.method.options == {"folder": FOLDER + content_sha256(pool)}
    assert str(pool) not in record.to_json().decode()
    plain = world.run_file(METHOD)
    assert plain.plan.method.options == {"folder": FOLDER}
    assert plain.models[0].weights_sha256 != record.models[0].weights_sha256
    moved = pool.rename(pool.parent / "moved")
    assert world.run_file(METHOD, settings=(f"folder={moved}",)) == record  # from the store


def test_a_text_that_looks_like_a_folder_reaches_the_method_as_it_is(
    world: World, tmp_path: Path
) -> None:
    method = tmp_path / "says.py"
    method.write_text(SAYS)
    record = world.run_file(method, settings=("note=folder:abc",))
    assert record.plan.method.options == {"note": "folder:abc"}


def test_clips_of_the_corpus_do_not_come_in_through_a_folder(world: World, pool: Path) -> None:
    clip = world.plan("baseline").clips_of("test", "tablet")[0]
    (pool / "innocent.wav").write_bytes((world.data / "tiny" / clip.path).read_bytes())
    with pytest.raises(DataError, match=r"'innocent\.wav'.*is clip .* of 'tablet'"):
        world.run_file(METHOD, settings=(f"folder={pool}",))
