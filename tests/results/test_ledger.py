from __future__ import annotations

from pathlib import Path

import pytest
from filelock import FileLock

from devbench.errors import CheckError, DataError
from devbench.files import canonical_json, sha256_bytes
from devbench.results.ledger import GENESIS, Ledger
from helpers.records import make_run, sha


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path / "ledger")
    for seed in range(5):
        made.append(make_run(seed=seed).record)
    return made


def files(ledger: Ledger) -> list[Path]:
    return sorted(ledger.folder.glob("*.json"))


def test_each_entry_holds_the_hash_of_the_one_before(ledger: Ledger) -> None:
    entries = ledger.verify()
    assert [entry.n for entry in entries] == [0, 1, 2, 3, 4]
    assert entries[0].previous == GENESIS
    for path, after in zip(files(ledger), entries[1:], strict=False):
        assert path.stem == f"{after.n - 1:08d}-{after.previous}"


def test_the_same_record_is_one_scoring(ledger: Ledger) -> None:
    again = ledger.append(make_run(seed=2).record)
    assert again.n == 2
    assert len(files(ledger)) == 5


def test_thirty_tweaks_count_thirty(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for n in range(30):
        run = make_run(options={"p": n / 100}, opened=["p"])
        ledger.append(run.record)
    ledger.append(make_run(method="rfn").record)
    assert ledger.scorings() == {("freq-mixstyle", sha("sim7")): 30, ("rfn", sha("sim7")): 1}


def test_another_attempt_with_other_logits_counts_again(ledger: Ledger) -> None:
    record = make_run(seed=0).record
    ledger.append(
        record.model_copy(update={"measured": {}})
    )  # resumed after a cut: the same logits
    assert sum(ledger.scorings().values()) == 5
    ledger.append(record.model_copy(update={"logits_sha256": sha("other")}))
    assert sum(ledger.scorings().values()) == 6


@pytest.mark.parametrize("place", range(4))
def test_a_removed_entry_is_found(ledger: Ledger, place: int) -> None:
    files(ledger)[place].unlink()
    with pytest.raises(CheckError, match="missing"):
        ledger.verify()
    with pytest.raises(CheckError, match="missing"):
        ledger.append(make_run(seed=9).record)


@pytest.mark.parametrize("place", range(5))
def test_a_changed_entry_is_found(ledger: Ledger, place: int) -> None:
    path = files(ledger)[place]
    path.write_bytes(path.read_bytes().replace(b"freq-mixstyle", b"freq-mixstyla"))
    with pytest.raises(CheckError, match="hash in its name"):
        ledger.verify()


@pytest.mark.parametrize("place", range(4))
def test_a_changed_entry_under_its_new_hash_is_found(ledger: Ledger, place: int) -> None:
    path = files(ledger)[place]
    data = path.read_bytes().replace(b"freq-mixstyle", b"freq-mixstyla")
    path.unlink()
    (ledger.folder / f"{place:08d}-{sha256_bytes(data)}.json").write_bytes(data)
    with pytest.raises(CheckError, match="does not follow"):
        ledger.verify()


def test_swapped_entries_are_found(ledger: Ledger) -> None:
    second, third = files(ledger)[1:3]
    names = [second.name, third.name]
    second.rename(ledger.folder / f"00000002-{names[0][9:]}")
    third.rename(ledger.folder / f"00000001-{names[1][9:]}")
    with pytest.raises(CheckError, match="does not follow"):
        ledger.verify()


@pytest.mark.parametrize("content", [b"{", b"{}", b"[]", canonical_json({"n": 5})])
def test_what_is_no_entry_is_found(ledger: Ledger, content: bytes) -> None:
    (ledger.folder / f"00000005-{sha256_bytes(content)}.json").write_bytes(content)
    with pytest.raises(CheckError, match="broken"):
        ledger.verify()


def test_other_files_are_found_and_temporaries_are_not_minded(ledger: Ledger) -> None:
    (ledger.folder / ".00000005.abc.tmp").write_bytes(b"half")
    assert len(ledger.verify()) == 5
    (ledger.folder / "entry.json").write_bytes(b"{}")
    with pytest.raises(CheckError, match="no ledger entry"):
        ledger.verify()


def test_a_held_lock_is_named(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devbench.results.ledger.LOCK_SECONDS", 0.05)
    with FileLock(ledger.folder / ".lock"), pytest.raises(DataError, match="another process"):
        ledger.append(make_run(seed=7).record)
