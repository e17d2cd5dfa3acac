"""An interrupted import continues where it was, and makes what a whole one would have made."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from devbench.corpora import importing
from devbench.corpora.importing import ImportRequest, import_corpus
from devbench.corpora.intake import Copied, CopyJob, copy
from devbench.corpora.resuming import JOURNAL
from devbench.errors import DataError, RunError
from helpers.trees import folders_tree, write_sound

N_FILES = 24


@pytest.fixture
def request_(tmp_path: Path) -> ImportRequest:
    root = folders_tree(tmp_path / "in")
    return ImportRequest(root, tmp_path / "data/x", "x", "CC0", "me", layout="folders")


def stopping(after: int, error: BaseException) -> Callable[[CopyJob], Copied]:
    n_done = 0

    def stop(job: CopyJob) -> Copied:
        nonlocal n_done
        n_done += 1
        if n_done > after:
            raise error
        return copy(job)

    return stop


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), RunError("the disk is full", fix="x", state="disk")]
)
def test_an_interrupted_import_continues(
    request_: ImportRequest, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = import_corpus(replace(request_, out=request_.out.with_name("whole")))
    assert whole.n_resumed == 0
    monkeypatch.setattr(importing, "copy", stopping(10, error))
    with pytest.raises(type(error)):
        import_corpus(request_)
    assert not request_.out.exists()
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(importing, "copy", stopping(N_FILES - 10, AssertionError("copied twice")))
    made = import_corpus(request_, progress=lambda done, total: told.append((done, total)))
    assert (told[0], told[-1]) == ((10, N_FILES), (N_FILES, N_FILES))
    assert made.n_resumed == 10
    assert made.corpus.fingerprint == whole.corpus.fingerprint
    assert made.report.document()["findings"] == whole.report.document()["findings"]
    assert sorted(p.name for p in request_.out.parent.iterdir()) == ["whole", "x"]


def test_what_changed_or_was_harmed_meanwhile_is_copied_again(
    request_: ImportRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "copy", stopping(10, KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        import_corpus(request_)
    monkeypatch.undo()
    (work,) = request_.out.parent.iterdir()
    copied = sorted((work / "corpus/audio/lg-gram").iterdir())
    copied[0].write_bytes(b"harmed")
    copied[1].unlink()
    write_sound(request_.source / "iPhone 14/Dog bark/take 0.wav", 12345)  # of another device
    (work / "corpus/audio/stray.wav").write_bytes(b"of a row that is gone")
    with (work / JOURNAL).open("a") as file:
        file.write('{"target": "audio/x", "sour')  # torn off
    made = import_corpus(request_)
    assert made.n_resumed == 7
    again = import_corpus(replace(request_, out=request_.out.with_name("whole")))
    assert made.corpus.fingerprint == again.corpus.fingerprint
    assert not any(finding.kind == "stray-file" for finding in made.report.findings)


def test_other_options_do_not_continue_it(
    request_: ImportRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "copy", stopping(10, KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        import_corpus(request_)
    monkeypatch.undo()
    made = import_corpus(replace(request_, rate_hz=16_000))
    assert made.n_resumed == 0 and made.corpus.header.sample_rate_hz == 16_000


def test_a_refused_import_leaves_nothing(request_: ImportRequest) -> None:
    path = request_.source / "watch/door/take 3.wav"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(DataError, match="where its header says"):
        import_corpus(request_)
    assert list(request_.out.parent.iterdir()) == []


def test_two_imports_into_one_folder_do_not_meet(
    request_: ImportRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(job: CopyJob) -> Copied:
        monkeypatch.setattr(importing, "copy", copy)
        with pytest.raises(DataError, match="another import into"):
            import_corpus(request_)
        return copy(job)

    monkeypatch.setattr(importing, "copy", meanwhile)
    assert len(import_corpus(request_).corpus.clips) == N_FILES


def test_an_archive_is_unpacked_once(
    request_: ImportRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "a"), "zip", request_.source))
    packed = replace(request_, source=archive)
    monkeypatch.setattr(importing, "copy", stopping(10, KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        import_corpus(packed)
    monkeypatch.undo()
    monkeypatch.setattr(
        "devbench.corpora.resuming.unpack", lambda *_: pytest.fail("unpacked again")
    )
    assert import_corpus(packed).n_resumed == 10
