"""Layouts of third parties: what their trees say is in the corpus, and what is wrong is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from devbench.corpora.importing import Imported, ImportRequest, import_corpus
from devbench.corpora.tau import UNSEEN
from devbench.errors import ConfigurationError, DataError, DevbenchError
from helpers.tables import read_rows, write_table
from helpers.trees import device_sound, folders_tree, tau_tree, write_sound, write_tsv


def take(root: Path, layout: str, **options: object) -> Imported:
    out = root.parent / "data" / layout
    request = ImportRequest(root, out, layout, "CC0", "them, 2024", layout=layout)
    return import_corpus(replace(request, **options))  # type: ignore[arg-type]


# Folders.


def test_files_of_one_name_are_one_event(tmp_path: Path) -> None:
    made = take(folders_tree(tmp_path / "in"), "folders")
    corpus = made.corpus
    assert [(d.id, d.label) for d in corpus.devices] == [
        ("iphone-14", "iPhone 14"), ("lg-gram", "LG_Gram"), ("watch", "watch")
    ]  # fmt: skip
    assert {c.label for c in corpus.clips} == {"dog-bark", "door"}
    events = {c.event_id for c in corpus.clips}
    assert len(events) == 8 and "dog-bark/take 0" in events
    for event in events:
        assert {c.device for c in corpus.clips if c.event_id == event} == {
            d.id for d in corpus.devices
        }
    assert made.notes == ("paired by class and file name: 8 events, 8 of them by all 3 devices",)
    assert made.report.n_errors == 0


def test_unpaired_files_are_events_of_their_own(tmp_path: Path) -> None:
    made = take(folders_tree(tmp_path / "in"), "folders", is_paired=False)
    assert len({c.event_id for c in made.corpus.clips}) == len(made.corpus.clips) == 24
    assert "24 unpaired recordings" in made.notes[0]
    kinds = [finding.kind for finding in made.report.findings]
    assert kinds.count("unpaired") == 1 and "missing-event" not in kinds


def test_a_tree_without_a_shared_name_must_be_declared_unpaired(tmp_path: Path) -> None:
    for seed, device in enumerate(("a", "b")):
        write_sound(tmp_path / f"in/{device}/dog/{device}1.wav", seed)
    with pytest.raises(ConfigurationError, match="no file name of a class") as error:
        take(tmp_path / "in", "folders")
    assert "--unpaired" in error.value.fix
    assert len(take(tmp_path / "in", "folders", is_paired=False).corpus.clips) == 2


def test_one_name_is_one_name_in_both_forms_of_unicode(tmp_path: Path) -> None:
    write_sound(tmp_path / "in/a/dog/caf\u00e9.wav", 1)
    write_sound(tmp_path / "in/b/dog/cafe\u0301.wav", 2)
    made = take(tmp_path / "in", "folders")
    assert {c.event_id for c in made.corpus.clips} == {"dog/caf\u00e9"}


def test_one_folder_is_one_class_in_both_forms_of_unicode(tmp_path: Path) -> None:
    write_sound(tmp_path / "in/a/T\u00fcr/1.wav", 1)
    write_sound(tmp_path / "in/b/Tu\u0308r/1.wav", 2)
    made = take(tmp_path / "in", "folders")
    assert {c.label for c in made.corpus.clips} == {"t-r"}


def test_recordings_that_only_share_their_names_are_noticed(tmp_path: Path) -> None:
    for d, device in enumerate(("a", "b")):
        for e in range(8):
            write_sound(tmp_path / f"in/{device}/dog/rec{e}.wav", 100 * d + e)
    findings = take(tmp_path / "in", "folders").report.findings
    (pairing,) = [finding for finding in findings if finding.kind == "pairing"]
    assert "--unpaired" in pairing.fix
    kinds = {f.kind for f in take(folders_tree(tmp_path / "good", n_events=8), "folders",
                                  out=tmp_path / "data/good").report.findings}  # fmt: skip
    assert "pairing" not in kinds


@pytest.mark.parametrize(
    ("path", "words", "fix"),
    [
        ("x.wav", "a sound file outside DEVICE/CLASS/", "move it"),
        ("iPhone 14/x.wav", "a sound file outside DEVICE/CLASS/", "move it"),
        ("iPhone 14/door/more/x.wav", "a folder inside DEVICE/CLASS/", "manifest"),
        ("iPhone 14/door/x.m4a", ".m4a is not read", "convert it"),
        ("i phone 14/door/take 9.wav", "device 'i-phone-14'", ""),
        ("lg gram/door/take 9.wav", "device 'lg-gram' is also made of folder 'LG_Gram'", "rename"),
        ("\u5bb6/door/take 9.wav", "no name of at most 64", "ASCII"),
        ("watch/door/take 0.flac", "event_id is 'door/take 0'", "another event"),
        ("responses/phone.wav", "no recording of a device 'phone'", "iphone-14"),
        ("responses/notes.txt", "no frequency response", "DEVICE with .csv or .wav"),
    ],
)
def test_what_does_not_fit_the_tree_is_named(
    path: str, words: str, fix: str, tmp_path: Path
) -> None:
    root = folders_tree(tmp_path / "in")
    write_sound(tmp_path / "sound.wav", 999)
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes((tmp_path / "sound.wav").read_bytes())
    if not fix:  # another name after all: a fourth device
        assert len(take(root, "folders").corpus.devices) == 4
        return
    with pytest.raises(DevbenchError) as error:
        take(root, "folders")
    assert str(root) in error.value.what
    assert words in error.value.what and fix in error.value.fix
    assert not (root.parent / "data/folders").exists()


def test_other_files_are_left_out_and_counted(tmp_path: Path) -> None:
    root = folders_tree(tmp_path / "in")
    (root / "README.txt").write_text("mine")
    (root / "watch/door/notes.txt").write_text("mine")
    (root / "watch/.DS_Store").write_text("x")
    assert take(root, "folders").notes[1:] == ("1 files that are no WAV or FLAC were left out",)


def test_responses_beside_the_devices_are_taken(tmp_path: Path) -> None:
    root = folders_tree(tmp_path / "in")
    (root / "responses").mkdir()
    (root / "responses/watch.csv").write_text("freq_hz,gain_db\n100,-6\n1000,0\n")
    impulse = np.zeros(4000)
    impulse[1000] = 0.7
    soundfile.write(root / "responses/lg-gram.wav", impulse, 8000, subtype="PCM_16")
    corpus = take(root, "folders").corpus
    watch, gram = corpus.response("watch"), corpus.response("lg-gram")
    assert watch is not None and watch.at(np.array([100.0]))[0] == -6
    assert gram is not None and np.max(np.abs(gram.gain_db)) < 0.01  # a unit impulse is flat
    assert corpus.response("iphone-14") is None


# TAU Urban Acoustic Scenes.


@pytest.mark.parametrize("layout", ["tau2020", "tau2022"])
def test_the_official_split_and_the_places_are_kept(layout: str, tmp_path: Path) -> None:
    root = tau_tree(tmp_path / "in", layout)
    made = take(root, layout)
    corpus = made.corpus
    n_train, n_test = (24, 16) if layout == "tau2020" else (48, 32)
    assert made.notes == (
        f"official split: {n_train} recordings to train, {n_test} to test",
        "1 recordings are in neither list and were left out",
        "unseen in training: s4",
    )
    assert {c.label for c in corpus.clips} == {"airport", "street-traffic"}
    listed = {row: 1 for row in (root / "evaluation_setup/fold1_train.csv").read_text().split()}
    for clip in corpus.clips:
        name = f"audio/{clip.event_id}-{clip.device}.wav"
        assert clip.fold == (1 if name in listed else 2)
        _, city, location = clip.event_id.split("-")[:3]
        assert clip.group == f"{city}-{location}"
        assert clip.device not in UNSEEN or clip.fold == 2
    provenance = {d.id: d.provenance for d in corpus.devices}
    assert (provenance["a"], provenance["b"]) == ("measured", "measured")
    assert provenance["s1"] == provenance["s4"] == "simulated from measured responses"
    assert corpus.header.provenance == "simulated from measured responses"
    assert next(d for d in corpus.devices if d.id == "s4").label.endswith("(unseen in training)")
    assert made.report.n_errors == 0


def tau_change(root: Path, name: str, change: Callable[[list[str]], list[str]]) -> None:
    path = root / name
    path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")


@pytest.mark.parametrize(
    ("name", "change", "what", "fix"),
    [
        ("meta.csv", lambda t: [t[0].replace("identifier", "place"), *t[1:]],
         "line 1: column 'identifier' is missing", "between tabs"),
        ("meta.csv", lambda t: [t[0], t[1].replace("barcelona-0\ta", "paris-0\ta"), *t[2:]],
         "line 2: column 'identifier' is 'paris-0'", "'barcelona-0'"),
        ("meta.csv", lambda t: [t[0], t[1][:-1] + "c", *t[2:]],
         "line 2: column 'source_label' is 'c'", "'a' as the name"),
        ("meta.csv", lambda t: [*t, t[1]], "column 'filename'", "line 2 has it"),
        ("meta.csv", lambda t: [t[0], *t[2:]], "fold1_train.csv: line 2", "meta.csv names"),
        ("evaluation_setup/fold1_train.csv", lambda t: [t[0], t[1].replace("\tairport", "\tbus")],
         "line 2: column 'scene_label' is 'bus'", "'airport' as in line 2 of meta.csv"),
        ("evaluation_setup/fold1_train.csv", lambda t: [*t, t[1]],
         "column 'filename'", "fold1_train.csv lists it"),
        ("evaluation_setup/fold1_test.csv", lambda t: t[:-1], "1 files are in it or", "restore"),
        ("evaluation_setup/fold1_evaluate.csv", lambda t: [t[0]], "no rows", "add"),
    ],
)  # fmt: skip
def test_tables_that_disagree_are_named(
    name: str, change: Callable[[list[str]], list[str]], what: str, fix: str, tmp_path: Path
) -> None:
    root = tau_tree(tmp_path / "in")
    tau_change(root, name, change)
    with pytest.raises(DevbenchError) as error:
        take(root, "tau2020")
    assert what in error.value.what and fix in error.value.fix


def test_a_place_on_both_sides_is_refused(tmp_path: Path) -> None:
    root = tau_tree(tmp_path / "in")
    setup = root / "evaluation_setup"
    train = (setup / "fold1_train.csv").read_text().splitlines()
    moved = [line for line in train if "airport-barcelona-0-0" in line]
    tau_change(root, "evaluation_setup/fold1_train.csv", lambda t: [x for x in t if x not in moved])
    tau_change(root, "evaluation_setup/fold1_evaluate.csv", lambda t: [*t, *moved])
    tau_change(
        root, "evaluation_setup/fold1_test.csv", lambda t: [*t, *(m.split("\t")[0] for m in moved)]
    )
    with pytest.raises(ConfigurationError, match="column 'fold' is '"):
        take(root, "tau2020")


@pytest.mark.parametrize(
    ("name", "fix"),
    [("audio/airport-lyon-1-7.wav", "SCENE-CITY-LOCATION-SEGMENT-DEVICE.wav"),
     ("audio/airport-lyon-1-7-q.wav", "one of a, b, c, s1"),
     ("audio/airport-lyon-1-7-s5.wav", "tested only"),
     ("../airport-lyon-1-7-a.wav", "below the folder")],
)  # fmt: skip
def test_names_that_are_none_of_the_set_are_refused(name: str, fix: str, tmp_path: Path) -> None:
    root = tau_tree(tmp_path / "in")
    device = name.rpartition("-")[2].removesuffix(".wav")
    row = [name, "airport", "lyon-1", device]
    tau_change(root, "meta.csv", lambda t: [*t, "\t".join(row)])
    tau_change(root, "evaluation_setup/fold1_train.csv", lambda t: [*t, "\t".join(row[:2])])
    with pytest.raises(ConfigurationError) as error:
        take(root, "tau2020")
    assert fix in error.value.fix


def test_audio_that_was_not_unpacked_is_named(tmp_path: Path) -> None:
    root = tau_tree(tmp_path / "in")
    next((root / "audio").iterdir()).unlink()
    with pytest.raises(DataError, match=r"audio/.*: the file is missing"):
        take(root, "tau2020")


# Microphone Conversion.


def mc_tree(root: Path) -> Path:
    rows = []
    for d, device in enumerate(("iphone14", "galaxys22")):
        for e in range(3):
            path = root / device / f"{e}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, device_sound(e, d), 8000, subtype="PCM_16")
            rows.append({"path": f"{device}/{e}.wav", "device": device, "label": "coin",
                         "event_id": f"coin-{e}", "device_kind": "phone"})  # fmt: skip
        impulse = np.zeros(4000)
        impulse[1000:1003] = (0.6, 0.3 * d, 0.1 * d)
        (root / "impulses").mkdir(exist_ok=True)
        soundfile.write(root / f"impulses/{device}.wav", impulse, 8000, subtype="PCM_16")
    write_table(root / "manifest.csv", rows)
    return root


def test_every_device_of_mc_has_the_response_of_its_impulse(tmp_path: Path) -> None:
    root = mc_tree(tmp_path / "in")
    corpus = take(root, "mc").corpus
    freq_hz = np.array([200.0, 3000.0])
    flat, coloured = corpus.response("iphone14"), corpus.response("galaxys22")
    assert flat is not None and np.max(np.abs(flat.at(freq_hz))) < 0.01
    assert coloured is not None and coloured.at(freq_hz)[0] > coloured.at(freq_hz)[1] + 3
    (root / "impulses/galaxys22.wav").unlink()
    with pytest.raises(DataError, match=r"no impulses/galaxys22\.wav"):
        take(root, "mc", out=tmp_path / "data/again")


# All of them.


def test_a_folder_is_no_manifest_and_a_manifest_no_folder(tmp_path: Path) -> None:
    root = folders_tree(tmp_path / "in")
    with pytest.raises(DataError, match=r"no manifest\.csv in"):
        take(root, "manifest")
    write_tsv(root / "x.csv", [{"a": "1"}])
    for layout in ("folders", "tau2020", "mc"):
        with pytest.raises(DataError, match="is no folder"):
            take(root / "x.csv", layout)
        with pytest.raises(DataError, match="no file or folder"):
            take(root / "nowhere", layout)
    with pytest.raises(ConfigurationError, match="--unpaired says nothing"):
        take(root, "tau2020", is_paired=False)


def test_a_manifest_of_a_folder_is_found(tmp_path: Path) -> None:
    root = mc_tree(tmp_path / "in")
    corpus = take(root, "manifest").corpus
    assert len(corpus.clips) == len(read_rows(root / "manifest.csv")) == 6
