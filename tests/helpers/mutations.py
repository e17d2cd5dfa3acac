"""Damaged inputs: manifests, TOML files, WAV files and records, bytes and meanings changed."""

from __future__ import annotations

import csv
import io
import json
import random
import shutil
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from devbench.benchmark.load import load_benchmark
from devbench.corpora.importing import ImportRequest, import_corpus
from devbench.corpora.manifest import open_corpus
from devbench.errors import DataError, DevbenchError
from devbench.plugin_kit.tiny import BENCHMARK
from devbench.results.gather import from_folder
from devbench.results.store import Store
from devbench.results.verify import Verifier
from helpers.records import make_run
from helpers.trees import device_sound

DEVICES, N_EVENTS, RATE_HZ = ("phone", "watch"), 3, 8000
N_SAMPLES = 800
KINDS = ("manifest", "toml", "wav", "record")
SLOW_S = 1.0
CELLS = ("", " ", "=cmd()", "../../etc/passwd", "/etc/passwd", "x" * 5000, "a\0b", "\x1b[2J", "-1",
         "1e9", "9" * 30, "nan", "dog", "Dog", "phone", "e0", "phone-0.wav", "d\u00f6g", ".",
         "\ud7ff", "<b>", '"', "0x1", "\u0661")  # fmt: skip
JSON_VALUES = ("NaN", "-Infinity", "1e400", "-1", "0", "1", "0.5", "true", "null", '""', '"dog"',
               "[]", "{}", "9" * 400, "9" * 5000, "[" * 5000, '"\\ud800"', '"\\u0000\\u001b[2J"',
               '"<script>"', '"../../x"')  # fmt: skip


@dataclass
class Tally:
    """What became of the damaged inputs."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest_s: float = 0.0


class Bench:
    """One whole input of every kind, and what a right reading of it says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        rows = []
        (folder / "in").mkdir(parents=True)
        for d, device in enumerate(DEVICES):
            for e in range(N_EVENTS):
                path = folder / f"in/{device}-{e}.wav"
                soundfile.write(path, device_sound(e, d, N_SAMPLES), RATE_HZ, subtype="PCM_16")
                rows.append([path.name, device, "dog", f"e{e}", f"e{e}", "0"])
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows([["path", "device", "label", "event_id", "group", "fold"], *rows])
        self.manifest = text.getvalue().encode()
        (folder / "in/manifest.csv").write_bytes(self.manifest)
        self.wav = (folder / "in/phone-0.wav").read_bytes()
        self.take()
        self.header = (folder / "out/corpus.toml").read_bytes()
        shutil.move(folder / "out", folder / "standing")
        self.run, self.store = make_run(), Store(folder / "store")
        self.store.publish(self.run.record, self.run.logits, self.run.weights)
        self.record = self.record_path.read_bytes()

    @property
    def record_path(self) -> Path:
        """Return where the one record of the store lies."""
        return self.store.record_path(self.run.record.run_id)

    def take(self) -> None:
        """Import what lies in the folder now."""
        import_corpus(ImportRequest(self.folder / "in", self.folder / "out", "x", "CC0", "me"))

    def restore(self) -> None:
        (self.folder / "in/manifest.csv").write_bytes(self.manifest)
        (self.folder / "in/phone-0.wav").write_bytes(self.wav)
        (self.folder / "standing/corpus.toml").write_bytes(self.header)
        self.record_path.write_bytes(self.record)
        shutil.rmtree(self.folder / "out", ignore_errors=True)


def bytes_changed(data: bytes, rng: random.Random) -> bytes:
    """Return data with bits flipped, bytes cut out, put in or doubled, or the end torn off."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(changed) + 1)
        to = min(len(changed), at + rng.randint(1, 40))
        what = rng.randrange(5)
        if what == 0 and at < len(changed):
            changed[at] ^= 1 << rng.randrange(8)
        elif what == 1:
            del changed[at:to]
        elif what == 2:
            changed[at:at] = rng.randbytes(rng.randint(1, 12))
        elif what == 3:
            changed[at:at] = changed[at:to]
        elif what == 4 and rng.random() < 0.3:
            del changed[at:]
    return bytes(changed)


def manifest_changed(data: bytes, rng: random.Random) -> bytes:
    """Return a table with cells, rows or columns changed, or with its bytes changed."""
    if rng.random() < 0.4:
        return bytes_changed(data, rng)
    rows = list(csv.reader(io.StringIO(data.decode())))
    for _ in range(rng.randint(1, 3)):
        what, row = rng.randrange(5), rng.randrange(len(rows))
        if what <= 1 and rows[row]:
            rows[row][rng.randrange(len(rows[row]))] = rng.choice(CELLS)
        elif what == 2:
            rows.insert(row, list(rng.choice(rows)))
        elif what == 3 and len(rows) > 2:
            del rows[row]
        else:
            other = rng.randrange(len(rows))
            rows[row], rows[other] = rows[other], rows[row]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8", errors="surrogatepass")


def wav_changed(data: bytes, rng: random.Random) -> bytes:
    """Return a WAV file with a field of its header changed, or with its bytes changed."""
    if rng.random() < 0.5:
        return bytes_changed(data, rng)
    at, width = rng.choice([(4, 4), (16, 4), (20, 2), (22, 2), (24, 4), (28, 4), (32, 2), (34, 2),
                            (40, 4)])  # fmt: skip
    value = rng.choice([0, 1, 2, 3, 8, 24, 32, 255, 1024, 65535, 2**31, 2**32 - 1, 44_100, 7999])
    packed = struct.pack("<I", value)[:width]
    return data[:at] + packed + data[at + width :]


def toml_changed(data: bytes, rng: random.Random) -> bytes:
    """Return a TOML file with a value replaced, a line doubled or lost, or its bytes changed."""
    if rng.random() < 0.5:
        return bytes_changed(data, rng)
    lines = data.decode().splitlines()
    row = rng.randrange(len(lines))
    key, is_pair, _ = lines[row].partition(" = ")
    values = ("1", "-1", '""', "nan", "inf", "[]", "{}", "true", "1e999", '"\\u0000"', "9" * 400,
              '"../x"', "[" * 400, "1979-05-27")  # fmt: skip
    what = rng.randrange(4)
    if what <= 1 and is_pair:
        lines[row] = f"{key} = {rng.choice(values)}"
    elif what == 2:
        lines.insert(row, rng.choice(lines))
    else:
        del lines[row]
    return ("\n".join(lines) + "\n").encode()


def record_changed(data: bytes, rng: random.Random) -> bytes:
    """Return a record with a value replaced, doubled, lost or moved, or with its bytes changed."""
    if rng.random() < 0.4:
        return bytes_changed(data, rng)
    document = json.loads(data)
    within, key = rng.choice(list(_places(document)))
    what, mark = rng.randrange(6), "a mark that no record holds"
    if what == 0:
        del within[key]
    elif what == 1 and isinstance(within[key], int | float):
        within[key] += rng.choice((1, -1, 1e-6, -1e-6))
    elif what == 2 and isinstance(within, list):
        other = rng.randrange(len(within))
        within[key], within[other] = within[other], within[key]
    elif what == 3 and isinstance(within, dict):
        text = json.dumps(document)
        pair = json.dumps({key: within[key]})[1:-1]
        return text.replace(pair, f"{pair}, {pair}", 1).encode()
    else:
        within[key] = mark
    return json.dumps(document).replace(json.dumps(mark), rng.choice(JSON_VALUES), 1).encode()


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every mapping or list in a JSON value with each key or index of it."""
    if not isinstance(value, dict | list):
        return
    for key in value if isinstance(value, dict) else range(len(value)):
        yield value, key
        yield from _places(value[key])


def run_mutations(bench: Bench, number: int, seed: int) -> Tally:
    """Damage one input after another, kinds in turn; say what was wrong with the answers.

    A fault is any exception that is no DevbenchError, an error without path or fix or of several
    lines, something left behind by a refusal, an accepted input that does not hold what it says,
    or an answer that took more than a second of processor time.
    """
    tally = Tally()
    works: dict[str, Callable[[Bench, random.Random], bool]] = {
        "manifest": _manifest, "toml": _toml, "wav": _wav, "record": _record
    }  # fmt: skip
    for index in range(number):
        kind = KINDS[index % len(KINDS)]
        rng = random.Random(f"{seed}/{index}")
        bench.restore()
        name = f"{kind} {seed}/{index}"
        started = time.process_time()
        try:
            is_right = works[kind](bench, rng)
        except DevbenchError as error:
            tally.counts[f"{kind} refused"] += 1
            # A manifest may name a file anywhere, and the complaint then names that one.
            is_named = str(bench.folder) in error.what or error.what.startswith("/etc/passwd:")
            if not is_named or "\n" in error.what or not error.fix:
                tally.faults.append(f"{name}: unclear: {error.what[:200]!r}")
            if (bench.folder / "out").exists() or list(bench.folder.glob(".out.*")):
                tally.faults.append(f"{name}: something was left behind")
        except Exception as error:
            tally.faults.append(f"{name}: {type(error).__name__}: {str(error)[:200]}")
        else:
            tally.counts[f"{kind} accepted"] += 1
            if not is_right:
                tally.faults.append(f"{name}: accepted, and what is there is something else")
        took_s = time.process_time() - started
        tally.slowest_s = max(tally.slowest_s, took_s)
        if took_s > SLOW_S:
            tally.faults.append(f"{name}: {took_s:.2f} s")
    return tally


def _manifest(bench: Bench, rng: random.Random) -> bool:
    """Return whether an accepted manifest's clips are exactly those that it names."""
    data = manifest_changed(bench.manifest, rng)
    (bench.folder / "in/manifest.csv").write_bytes(data)
    bench.take()
    return _holds(bench, data)


def _holds(bench: Bench, data: bytes) -> bool:
    corpus = open_corpus(bench.folder / "out")
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    rows = [{(k or "").strip(): (v or "").strip() for k, v in row.items()} for row in rows]
    if len(rows) != len(corpus.clips):
        return False
    for row in rows:
        told = (row["event_id"], row["device"], row["label"])
        found = [c for c in corpus.clips if (c.event_id, c.device, c.label) == told]
        if len(found) != 1:
            return False
        stored = (corpus.folder / found[0].path).read_bytes()
        if stored != (bench.folder / "in" / row["path"]).read_bytes():
            return False
    return True


def _wav(bench: Bench, rng: random.Random) -> bool:
    """Return whether an accepted file is stored as it was and has the length it always had."""
    data = wav_changed(bench.wav, rng)
    (bench.folder / "in/phone-0.wav").write_bytes(data)
    bench.take()
    corpus = open_corpus(bench.folder / "out")
    clip = next(c for c in corpus.clips if (c.event_id, c.device) == ("e0", "phone"))
    stored = (corpus.folder / clip.path).read_bytes()
    samples, rate_hz = soundfile.read(io.BytesIO(stored), always_2d=True)
    return (
        stored == data
        and rate_hz == corpus.header.sample_rate_hz == RATE_HZ
        and samples.shape == (clip.n_samples, 1) == (N_SAMPLES, 1)
        and bool(np.isfinite(samples).all())
    )


def _toml(bench: Bench, rng: random.Random) -> bool:
    """Return whether an accepted corpus header or benchmark is closed and can be hashed."""
    if rng.random() < 0.5:
        path = bench.folder / "b.toml"
        path.write_bytes(toml_changed(BENCHMARK.encode(), rng))
        benchmark = load_benchmark(str(path))
        return len(benchmark.sha256) == 64 and benchmark.model_validate(
            benchmark.model_dump(by_alias=True)
        ) == benchmark  # fmt: skip
    (bench.folder / "standing/corpus.toml").write_bytes(toml_changed(bench.header, rng))
    corpus = open_corpus(bench.folder / "standing")
    return {c.device for c in corpus.clips} <= {d.id for d in corpus.devices}


def _record(bench: Bench, rng: random.Random) -> bool:
    """Return whether a damaged record's store says so, and a folder's ranks what it ranked before.

    A folder of records has no ledger: what it can prove of a record is its plan and its figures.
    """
    data, run = record_changed(bench.record, rng), bench.run.record
    bench.record_path.write_bytes(data)
    (verdict,) = Verifier(bench.store).verify([run.run_id], level=1)
    if verdict.is_passed != (data == bench.record) or "\n" in verdict.reason:
        return False
    warnings: list[str] = []
    found = from_folder(bench.record_path.parent, warn=warnings.append).records
    if not found:
        (words,) = warnings
        raise DataError(f"{bench.record_path}: {words}", fix="the next record is read all the same")
    ranked = [(one.run_id, one.plan, one.scores, one.summary) for one in found]
    return ranked == [(run.run_id, run.plan, run.scores, run.summary)]
