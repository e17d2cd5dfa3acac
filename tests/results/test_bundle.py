from __future__ import annotations

import io
import json
import stat
import warnings
import zipfile
from pathlib import Path
from typing import Any

import pytest

from devbench.errors import CheckError, DataError, DevbenchError
from devbench.files import pretty_json
from devbench.results import bundle
from devbench.results.ledger import Ledger
from devbench.results.store import Store
from devbench.results.verify import Verifier
from helpers.records import MadeRun, make_run, sha

RUNS = [make_run(seed=seed) for seed in range(3)]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "here")
    for run in RUNS:
        made.publish(run.record, run.logits, run.weights)
    return made


@pytest.fixture
def other(tmp_path: Path) -> Store:
    return Store(tmp_path / "there")


@pytest.mark.parametrize("with_weights", [False, True])
def test_runs_travel_whole(store: Store, other: Store, tmp_path: Path, with_weights: bool) -> None:
    path = tmp_path / "runs.zip"
    n = bundle.export(store, store.run_ids(), path, with_weights=with_weights)
    assert n == (9 if with_weights else 6)
    added = bundle.add(other, path)
    assert list(added.joined) == store.run_ids()
    for run_id in store.run_ids():
        assert other.record_path(run_id).read_bytes() == store.record_path(run_id).read_bytes()
    verdicts = Verifier(other).verify(other.run_ids(), level=1)
    assert all(verdict.is_passed for verdict in verdicts)
    assert all(("added without weights" in v.notes) != with_weights for v in verdicts)
    assert {entry.kind for entry in other.ledger.verify()} == {"added"}
    assert bundle.add(other, path).present == added.joined
    assert len(other.ledger.verify()) == 3


def test_the_ledger_is_read_once_for_an_archive(
    store: Store, other: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once for every run of ten thousand would be fifty million entries."""
    read = []
    verify = Ledger.verify
    monkeypatch.setattr(Ledger, "verify", lambda self: read.append(self) or verify(self))
    path = tmp_path / "runs.zip"
    bundle.export(store, store.run_ids(), path, with_weights=True)
    read.clear()
    bundle.add(other, path)
    assert len(read) == 1
    assert [entry.run_id for entry in verify(other.ledger)] == store.run_ids()


@pytest.mark.parametrize(("limit", "most"), [("MAX_MEMBERS", 5), ("MAX_BYTES", 4000)])
def test_what_could_not_be_added_is_not_exported(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    monkeypatch.setattr(bundle, limit, most)
    path = tmp_path / "runs.zip"
    with pytest.raises(DataError, match="6 files") as caught:
        bundle.export(store, store.run_ids(), path, with_weights=False)
    assert "fewer" in caught.value.fix
    assert not path.exists()


def test_equal_runs_are_equal_archives(store: Store, tmp_path: Path) -> None:
    for name in ("a.zip", "b.zip"):
        bundle.export(store, store.run_ids()[:: 1 if name == "a.zip" else -1], tmp_path / name,
                      with_weights=True)  # fmt: skip
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with pytest.raises(DataError, match="exists"):
        bundle.export(store, store.run_ids(), tmp_path / "a.zip", with_weights=True)


def test_a_damaged_run_is_not_exported(store: Store, tmp_path: Path) -> None:
    store.blob_path("logits", RUNS[0].record.logits_sha256).write_bytes(b"")
    with pytest.raises(CheckError, match="not exported"):
        bundle.export(store, store.run_ids(), tmp_path / "a.zip", with_weights=False)
    assert not (tmp_path / "a.zip").exists()


def members_of(*runs: MadeRun) -> dict[str, bytes]:
    members: dict[str, bytes] = {}
    for run in runs:
        members[f"records/{run.record.run_id}.json"] = run.record.to_json()
        members[f"logits/{run.record.logits_sha256}.safetensors"] = run.logits
    return members


Members = list[tuple[zipfile.ZipInfo | str, bytes]]


def archive(path: Path, members: Members, compression: int = zipfile.ZIP_STORED) -> Path:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that stand twice
        with zipfile.ZipFile(buffer, "w", compression) as made:
            for name, data in members:
                made.writestr(name, data)
    path.write_bytes(buffer.getvalue())
    return path


def link(name: str, kind: int = stat.S_IFLNK) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (kind | 0o777) << 16
    return entry


GOOD: Members = list(members_of(*RUNS).items())
RECORD_NAME = f"records/{RUNS[0].record.run_id}.json"
HOSTILE_NAMES = [
    "../evil",
    "../../../../etc/cron.d/evil",
    "records/../../evil.json",
    f"records/../records/{'0' * 64}.json",
    "/etc/passwd",
    "//server/share",
    "C:\\evil",
    "records\\evil.json",
    "..\\evil",
    f"records/{'A' * 64}.json",
    f"RECORDS/{'0' * 64}.json",
    f"records/{'0' * 64}.JSON",
    f"records/{'0' * 63}.json",
    f"records/{'0' * 64}.json/",
    f"records/{'0' * 64}.json\n",
    f"records//{'0' * 64}.json",
    f"./records/{'0' * 64}.json",
    f"logits/{'0' * 64}.json",
    f"ledger/{'0' * 64}.json",
    "store.json",
    "mimetype",
    " ",
    "\u202egnp.exe",
    "x" * 5000,
    "records/",
    ".",
    "..",
    "con",
    "🎺",
]


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=lambda name: repr(name[:20]))
def test_odd_names_are_refused(other: Store, tmp_path: Path, name: str) -> None:
    path = archive(tmp_path / "a.zip", [*GOOD, (name, b"x")])
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DataError, match="refused"):
        bundle.add(other, path)
    assert sorted(tmp_path.rglob("*")) == before  # nothing was written anywhere


@pytest.mark.parametrize(
    "kind", [stat.S_IFLNK, stat.S_IFDIR, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK]
)
def test_links_and_devices_are_refused(other: Store, tmp_path: Path, kind: int) -> None:
    path = archive(tmp_path / "a.zip", [*GOOD, (link(f"records/{'0' * 64}.json", kind), b"/etc")])
    with pytest.raises(DataError, match="link or a device"):
        bundle.add(other, path)


def test_a_name_that_is_cut_at_a_zero_byte_is_refused(other: Store, tmp_path: Path) -> None:
    name = f"records/{'0' * 64}.json\x01.txt"
    path = archive(tmp_path / "a.zip", [*GOOD, (name, b"x")])
    path.write_bytes(path.read_bytes().replace(b"\x01.txt", b"\x00.txt"))
    with pytest.raises(DataError, match="no name that belongs here"):
        bundle.add(other, path)


def test_a_name_that_stands_twice_is_refused(other: Store, tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", [*GOOD, GOOD[0]])
    with pytest.raises(DataError, match="twice"):
        bundle.add(other, path)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressed_members_are_refused(other: Store, tmp_path: Path, method: int) -> None:
    bomb = [*GOOD, (f"records/{'0' * 64}.json", b" " * 20_000_000)]
    with pytest.raises(DataError, match=r"bytes of members|compressed"):
        bundle.add(other, archive(tmp_path / "a.zip", bomb, method))
    with pytest.raises(DataError, match=r"bytes of members|compressed"):
        bundle.add(other, archive(tmp_path / "b.zip", GOOD, method))
    small = zipfile.ZipInfo(f"records/{'0' * 64}.json")
    small.compress_type = method
    with pytest.raises(DataError, match="is compressed"):
        bundle.add(other, archive(tmp_path / "c.zip", [*GOOD, (small, b"x")]))


def test_too_many_members_and_bytes_are_refused(
    other: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = archive(tmp_path / "a.zip", GOOD)
    monkeypatch.setattr(bundle, "MAX_MEMBERS", 3)
    with pytest.raises(DataError, match="members are more"):
        bundle.add(other, path)
    monkeypatch.setattr(bundle, "MAX_MEMBERS", 100)
    monkeypatch.setattr(bundle, "MAX_BYTES", 1000)
    with pytest.raises(DataError, match="bytes of members"):
        bundle.add(other, path)


def test_encrypted_members_are_refused(other: Store, tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", GOOD)
    data = bytearray(path.read_bytes())
    directory = data.index(b"PK\x01\x02")
    data[directory + 8] |= 1
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match="encrypted"):
        bundle.add(other, path)


@pytest.mark.parametrize("data", [b"", b"PK", b"not a zip" * 50])
def test_what_is_no_zip_is_refused(other: Store, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(DataError, match="refused"):
        bundle.add(other, tmp_path / "a.zip")
    with pytest.raises(DataError, match="cannot read"):
        bundle.add(other, tmp_path / "missing.zip")


def test_flipped_bits_and_truncations_never_add_anything_wrong(tmp_path: Path) -> None:
    whole = archive(tmp_path / "whole.zip", GOOD).read_bytes()
    import random

    rng = random.Random(3)
    for number in range(150):
        data = bytearray(whole)
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path = tmp_path / "a.zip"
        path.write_bytes(bytes(data) if number % 3 else bytes(data[: rng.randrange(len(data))]))
        store = Store(tmp_path / f"store-{number}")
        try:
            bundle.add(store, path)
        except DevbenchError:
            assert not store.folder.exists()
        else:  # a bit that carries nothing, such as a time
            for run in RUNS:
                assert store.get(run.record.run_id) == run.record


def changed(run: MadeRun, change: Any) -> dict[str, bytes]:
    document = json.loads(run.record.to_json())
    change(document)
    members = members_of(run)
    members[f"records/{run.record.run_id}.json"] = pretty_json(document)
    return members


BAD_RUNS = {
    "a nudged score": changed(
        RUNS[0], lambda d: d["scores"][1].update(macro_f1=d["scores"][1]["macro_f1"] - 1e-6)
    ),
    "a nudged summary": changed(
        RUNS[0], lambda d: d["summary"].update(mean_targets=d["summary"]["mean_targets"] - 1e-6)
    ),
    "another plan": changed(RUNS[0], lambda d: d["plan"].update(seed=99)),
    "other classes": changed(RUNS[0], lambda d: d["classes"].reverse()),
    "a newer schema": changed(RUNS[0], lambda d: d.update(schema=2)),
    "logits of another run": changed(
        RUNS[0], lambda d: d.update(logits_sha256=RUNS[1].record.logits_sha256)
    ),
    "no logits": {RECORD_NAME: RUNS[0].record.to_json()},
    "another name": {f"records/{sha('x')}.json": RUNS[0].record.to_json()},
    "other spacing": members_of(RUNS[0]) | {RECORD_NAME: RUNS[0].record.to_json() + b" "},
    "damaged logits": members_of(RUNS[0])
    | {f"logits/{RUNS[0].record.logits_sha256}.safetensors": b"damaged"},
    "strange weights": members_of(RUNS[0]) | {f"checkpoints/{sha('x')}.safetensors": b"x"},
    "weights of nothing": members_of(RUNS[0])
    | {f"checkpoints/{sha('weights')}.safetensors": b"weights"},
    "no records": {},
}


@pytest.mark.parametrize("fault", BAD_RUNS)
def test_one_bad_run_keeps_all_out(other: Store, tmp_path: Path, fault: str) -> None:
    members = BAD_RUNS[fault]
    if fault != "no records":
        members = members_of(RUNS[1], RUNS[2]) | members
    path = archive(tmp_path / "a.zip", list(members.items()))
    with pytest.raises(DevbenchError) as caught:
        bundle.add(other, path)
    assert isinstance(caught.value, DataError | CheckError)
    assert not other.folder.exists()


def test_another_result_of_a_run_that_is_here_is_refused(store: Store, tmp_path: Path) -> None:
    same_plan = make_run(seed=0, skill=4.0)
    assert same_plan.record.run_id == RUNS[0].record.run_id
    path = archive(tmp_path / "a.zip", list(members_of(same_plan).items()))
    with pytest.raises(CheckError, match="another result"):
        bundle.add(store, path)
    assert store.get(RUNS[0].record.run_id) == RUNS[0].record
