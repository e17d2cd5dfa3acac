"""Artifacts on disk: whole or absent, found by key, shipped ones by what they were made from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from devbench.errors import DataError, UnknownNameError
from devbench.results.artifact import CodeIdentity, CorpusIdentity, Identity, parse_document
from devbench.results.record import ArtifactUse, Model
from devbench.results.shelf import (
    DOCUMENT,
    WEIGHTS,
    Shelf,
    best_shipped,
    export_pair,
    find_one,
    join,
    read_handed,
    shipped_in,
)
from helpers.artifacts import document_of, identity, sha
from helpers.records import make_run

OTHER_CORPUS = CorpusIdentity(name="tiny", version=1, fingerprint=sha("last bit"))
OTHER_CODE = CodeIdentity(build=sha("a comment"), frontend=sha("frontend"))

CHANGES: dict[str, dict[str, Any]] = {
    "name": {"name": "tilt"},
    "config": {"config": {"n_steps": 7}},
    "number": {"config": {"n_steps": 6.0}},
    "seed": {"seed": 1},
    "devices": {"devices": ["phone"]},
    "needs": {"needs": []},
    "acts_on": {"acts_on": "waveform"},
    "crop": {"crop_frames": 17},
    "convert": {"convert": sha("another fold")},
    "version": {"corpus": CorpusIdentity(name="tiny", version=2, fingerprint=sha("corpus"))},
    "fingerprint": {"corpus": OTHER_CORPUS},
    "responses": {"responses": sha("measured again")},
    "code": {"code_sha256": OTHER_CODE},
}
MAY_DIFFER = {"fingerprint", "responses", "code"}


@pytest.mark.parametrize("change", CHANGES)
def test_everything_it_is_made_from_is_in_the_key(change: str) -> None:
    other = identity(**CHANGES[change])
    assert other.key != identity().key
    assert other.fits(identity()) == identity().fits(other) == (change in MAY_DIFFER)


def test_equal_identities_have_one_key_whatever_the_order() -> None:
    one, two = identity(config={"a": 1, "b": [2, 3]}), identity(config={"b": [2, 3], "a": 1})
    assert one.key == two.key


def test_an_artifact_is_published_whole_and_read_back(tmp_path: Path) -> None:
    document, data = document_of()
    shelf = Shelf(tmp_path)
    assert not shelf.has(document.key) and shelf.keys() == []
    shelf.publish(document, data)
    assert shelf.keys() == [document.key]
    found = shelf.get(document.key)
    assert (found.document, found.read(), found.origin) == (document, data, "built")
    (shelf.place(document.key) / DOCUMENT).unlink()  # what a kill between the two files leaves
    assert not shelf.has(document.key)
    shelf.publish(document, data)
    assert shelf.get(document.key).read() == data


def test_the_first_writer_wins_unless_it_is_replaced(tmp_path: Path) -> None:
    (first, data), (second, other) = document_of(), document_of(value=2.0)
    shelf = Shelf(tmp_path)
    shelf.publish(first, data)
    shelf.publish(second, other)
    assert shelf.get(first.key).read() == data
    shelf.publish(second, other, replace=True)
    assert shelf.get(first.key).read() == other


def test_damage_is_found_and_the_fix_is_said(tmp_path: Path) -> None:
    document, data = document_of()
    shelf = Shelf(tmp_path)
    folder = shelf.place(document.key)
    for name, damaged in (
        (WEIGHTS, data[:-1]),
        (WEIGHTS, data[:-1] + bytes([data[-1] ^ 1])),
        (WEIGHTS, None),
        (DOCUMENT, document.to_json()[:-20]),
        (DOCUMENT, document.to_json().replace(b'"seed": 0', b'"seed": 1')),
        (DOCUMENT, document.to_json().replace(b'"n": 1', b'"n": 1e999')),
        (DOCUMENT, document.to_json().replace(b'"schema": 1', b'"schema": 2')),
    ):
        shelf.publish(document, data, replace=True)
        if damaged is None:
            (folder / name).unlink()
        else:
            (folder / name).write_bytes(damaged)
        with pytest.raises(DataError) as caught:
            shelf.get(document.key).read()
        assert document.key in caught.value.what
        assert "--retrain" in caught.value.fix or caught.value.fix == "update devbench"


def test_damage_of_one_hides_no_other(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    for seed in (0, 1):
        shelf.publish(*document_of(identity(seed=seed)))
    (shelf.place(identity().key) / DOCUMENT).write_bytes(b"{")
    warnings: list[str] = []
    assert [item.document.identity.seed for item in shelf.all(warnings.append)] == [1]
    assert len(warnings) == 1
    shelf.remove(identity().key)
    assert shelf.keys() == [identity(seed=1).key]


def ship(package: Path, found: Identity, name: str, **more: Any) -> None:
    document, data = document_of(found, **more)
    folder = package / "shipped"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_bytes(document.to_json())
    (folder / f"{name}.safetensors").write_bytes(data)


def test_the_shipped_artifact_that_fits_best_is_found(tmp_path: Path) -> None:
    assert best_shipped(tmp_path, identity()) is None
    ship(tmp_path, identity(seed=3), "a")
    assert best_shipped(tmp_path, identity()) is None
    ship(tmp_path, identity(corpus=OTHER_CORPUS), "b")
    found = best_shipped(tmp_path, identity())
    assert found is not None and found.origin == "shipped"
    assert not found.document.use(identity(), "shipped").same_corpus
    ship(tmp_path, identity(code_sha256=OTHER_CODE), "c")
    ship(tmp_path, identity(), "d")
    found = best_shipped(tmp_path, identity())
    assert found is not None and found.path.stem == "d"
    assert found.document.use(identity(), "shipped").same_corpus


def test_a_damaged_shipped_file_is_an_error(tmp_path: Path) -> None:
    ship(tmp_path, identity(), "a")
    (tmp_path / "shipped" / "a.safetensors").write_bytes(b"damaged")
    with pytest.raises(DataError, match=r"a\.safetensors is damaged") as caught:
        shipped_in(tmp_path)[0].read()
    assert "--retrain" in caught.value.fix
    (tmp_path / "shipped" / "b.json").write_text("{}")
    with pytest.raises(DataError, match=r"b\.json") as caught:
        shipped_in(tmp_path)
    assert "install the plugin again" in caught.value.fix


def test_export_and_add_are_a_round_trip(tmp_path: Path) -> None:
    here, there = Shelf(tmp_path / "here"), Shelf(tmp_path / "there")
    document, data = document_of()
    here.publish(document, data)
    path = export_pair(here.get(document.key), tmp_path / "out")
    assert path.name == f"level-{document.key[:8]}.json"
    assert export_pair(here.get(document.key), tmp_path / "out") == path
    pair = read_handed(path)
    assert join(there, *pair) and not join(there, *pair)
    assert there.get(document.key).read() == data
    assert there.get(document.key).origin == "added"
    with pytest.raises(DataError, match="with other tensors"):
        join(there, *document_of(value=3.0))
    path.with_suffix(".safetensors").write_bytes(data[1:])
    with pytest.raises(DataError, match="is damaged"):
        read_handed(path)
    with pytest.raises(DataError, match="no document"):
        read_handed(path.with_suffix(".safetensors"))
    with pytest.raises(DataError, match="with other content"):
        export_pair(here.get(document.key), tmp_path / "out")


def test_one_is_found_by_name_or_first_digits(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    for seed in (0, 1):
        shelf.publish(*document_of(identity(seed=seed)))
    items = list(shelf.all(pytest.fail))
    assert find_one(identity().key[:12], items).document.identity.seed == 0
    assert find_one("level", items[:1]) == items[0]
    for text, words in (("level", "several"), ("tilt", "no artifact"), ("0", "no artifact")):
        with pytest.raises(UnknownNameError, match=words):
            find_one(text, items)


def test_a_document_of_another_time_is_read_or_refused() -> None:
    document, _ = document_of()
    assert parse_document(document.to_json(), origin="x", fix="y") == document
    newer = json.loads(document.to_json()) | {"colour": "red"}
    with pytest.raises(DataError, match="unknown key 'colour'"):
        parse_document(json.dumps(newer).encode(), origin="x", fix="y")


def use(**change: Any) -> ArtifactUse:
    document, _ = document_of()
    return document.use(identity(), "built").model_copy(update=change)


def test_a_record_without_artifacts_is_written_as_before() -> None:
    record = make_run().record
    assert b"artifacts" not in record.to_json()
    assert "artifacts" not in record.reproducible()["models"][0]


def test_what_an_artifact_is_counts_not_how_it_came() -> None:
    def reproducible(item: ArtifactUse) -> Any:
        record = make_run().record
        model = Model(**{**dict(record.models[0]), "artifacts": [item]})
        with_use = record.model_copy(update={"models": [model]})
        assert type(record).model_validate_json(with_use.to_json()) == with_use
        return with_use.reproducible()

    assert reproducible(use()) == reproducible(use(origin="added"))
    assert reproducible(use()) != reproducible(use(sha256=sha("other")))
    assert reproducible(use()) != reproducible(use(key=sha("other")))
