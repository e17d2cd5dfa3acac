"""Verification: is it whole (V0), do the logits give its figures (V1), the weights its logits (V2).

V1 asks for exact equality. V2 allows 1e-4 per logit and another class in one clip of a thousand,
because another machine may sum in another order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from devbench.contract.access import Access, track_of
from devbench.errors import CheckError, DevbenchError
from devbench.files import read_bytes, sha256_bytes
from devbench.results.logits import StoredLogits, read_logits
from devbench.results.metrics import figures_of, summarise

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from devbench.results.ledger import Entry
    from devbench.results.record import Record, Strict
    from devbench.results.store import Store

TOLERANCE = 1e-4
SAME_CLASS_SHARE = 0.999
MAX_LEVEL = 2

ExpectedClips = Mapping[tuple[str, str], str]
"""The true class of every (device, event) that a run has to predict."""

Predictor: TypeAlias = "Callable[[Record, StoredLogits], NDArray[np.float32]]"
"""Compute the logits of a record again from its weights, in the order of the stored rows."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verification found. level: the highest that holds, -1 when not even V0 does.

    reason: why the next level does not hold; empty when all that was asked for holds.
    notes: what could not be looked at.
    """

    run_id: str
    asked: int
    level: int
    reason: str = ""
    notes: tuple[str, ...] = ()

    @property
    def is_passed(self) -> bool:
        """Return whether every level that was asked for holds."""
        return self.level >= self.asked

    @property
    def badge(self) -> str:
        """Return the highest level that holds as a word."""
        return f"V{self.level}" if self.level >= 0 else "invalid"


@dataclass(frozen=True, slots=True)
class Verifier:
    """Verify runs of one store.

    expected: the clips that a record's run has to predict, from its corpus and benchmark; None
    where the corpus is not at hand. predict: the logits of a record computed again from its
    weights, in the order of the stored rows. Without them V1 trusts the stored labels, and V2
    cannot be reached.
    """

    store: Store
    expected: Callable[[Record], ExpectedClips | None] | None = None
    predict: Predictor | None = None

    def verify(self, run_ids: Sequence[str], *, level: int) -> list[Verdict]:
        """Return one verdict per run; the ledger's chain is checked once for all."""
        try:
            entries, broken = self.store.ledger.verify(), ""
        except DevbenchError as error:
            entries, broken = [], error.what
        of: dict[str, list[Entry]] = {}
        for entry in entries:
            of.setdefault(entry.run_id, []).append(entry)
        return [self._verify(run_id, level, of.get(run_id, []), broken) for run_id in run_ids]

    def _verify(self, run_id: str, level: int, entries: Sequence[Entry], broken: str) -> Verdict:
        reached, notes = -1, []
        try:
            record = self.store.get(run_id)
            if broken:
                raise CheckError(broken, fix="restore the ledger")
            data = read_bytes(self.store.record_path(run_id))
            require_well_formed(record)
            logits_bytes = self.store.blob("logits", record.logits_sha256)
            notes += require_ledger_and_weights(self.store, record, sha256_bytes(data), entries)
            reached = 0
            if level >= 1:
                expected = self.expected(record) if self.expected else None
                if expected is None:
                    notes.append("labels not compared with the corpus")
                stored = read_logits(logits_bytes, origin="logits")
                require_same_scores(record, stored, expected)
                reached = 1
            if level >= 2:
                if self.predict is None:
                    raise CheckError("weights cannot be run here", fix="ask for --level 1")
                require_same_logits(stored, self.predict(record, stored))
                reached = 2
        except DevbenchError as error:
            return Verdict(run_id, level, reached, error.what, tuple(notes))
        return Verdict(run_id, level, reached, notes=tuple(notes))


def require_well_formed(record: Record) -> None:
    """Refuse a record that contradicts itself (V0): figures against its own confusion matrices."""
    import numpy as np

    n_classes = len(record.classes)
    _same(len(set(record.classes)), n_classes, "classes: names repeat")
    devices = [score.device for score in record.scores]
    plan = record.plan
    per_target = plan.method.per_target
    if not plan.targets:
        raise CheckError("plan: there is no target device", fix="restore the record")
    _same(devices, [*([] if per_target else [plan.source]), *plan.targets], "devices of the scores")
    _same(len(set(devices)), len(devices), "scores: a device stands twice")
    try:
        track = track_of(Access(need) for need in plan.method.needs)
    except ValueError as error:
        raise CheckError(f"plan.method.needs: {error}", fix="restore the record") from error
    _same(plan.method.track, track, "track")
    for score in record.scores:
        if [len(row) for row in score.confusion] != [n_classes] * n_classes:
            raise _no_matrix(score.device, n_classes)
    try:
        counts = np.array([score.confusion for score in record.scores], dtype=np.int64)
    except OverflowError:
        counts = np.full((len(devices), 1, 1), -1)
    for score, own in zip(record.scores, counts, strict=True):
        if own.min(initial=0) < 0 or own.max(initial=0) >= 2**40 or not own.any():
            raise _no_matrix(score.device, n_classes)
    for score, figures in zip(record.scores, figures_of(counts), strict=True):
        where = f"scores.{score.device}"
        for name, found in zip(("macro_f1", "weighted_f1", "n_clips"), figures, strict=True):
            _same_value(getattr(score, name), found, f"{where}.{name}")
        role = "source" if score.device == plan.source else "target"
        _same_value(score.role, role, f"{where}.role")
    _same_fields(record.summary, summarise(record.scores), "summary")
    expected_models: list[str | None] = list(plan.targets) if per_target else [None]
    _same([model.target for model in record.models], expected_models, "models")
    for model in record.models:
        numbers = [epoch.epoch for epoch in model.history]
        _same(numbers, sorted(set(numbers)), "models: epochs of the history")
        if model.selected_epoch not in numbers or numbers[0] < 1:
            raise CheckError(
                f"models: selected_epoch {model.selected_epoch} is not in the history",
                fix="restore the record",
            )


def _no_matrix(device: str, n_classes: int) -> CheckError:
    return CheckError(
        f"scores.{device}.confusion is no matrix of {n_classes} x {n_classes} counts of clips",
        fix="restore the record",
    )


def require_ledger_and_weights(
    store: Store, record: Record, record_sha256: str, entries: Sequence[Entry]
) -> list[str]:
    """Refuse a record that is not in the ledger, or whose weights are damaged or lost (V0).

    record_sha256: of its file. entries: those of its run. Returns a note where a record was added
    without weights, which is allowed.
    """
    if not entries:
        raise CheckError("the ledger does not hold this run", fix="restore the ledger")
    own = [entry for entry in entries if entry.record_sha256 == record_sha256]
    if not own:
        raise CheckError(
            "the record is not the one in the ledger: it was changed after it was written",
            fix="restore the record, or run it again with --force",
        )
    for model in record.models:
        path = store.blob_path("checkpoints", model.weights_sha256)
        if not path.exists() and own[0].kind == "added":
            return ["added without weights"]
        store.blob("checkpoints", model.weights_sha256)
    return []


def require_same_scores(
    record: Record, stored: StoredLogits, expected: ExpectedClips | None = None
) -> None:
    """Refuse a record whose figures are not exactly those of its logits and labels (V1)."""
    _same(list(stored.classes), record.classes, "classes of the logits")
    scores = stored.scores(source=record.plan.source)
    _same([s.device for s in scores], [s.device for s in record.scores], "devices of the logits")
    for said, found in zip(record.scores, scores, strict=True):
        _same_fields(said, found, f"scores.{said.device}")
    _same_fields(record.summary, summarise(scores), "summary")
    if expected is not None:
        labels = stored.labels()
        if labels != dict(expected):
            odd = {k for k in labels.keys() | expected.keys() if labels.get(k) != expected.get(k)}
            device, event = min(odd)
            raise CheckError(
                f"{len(odd)} labels are not those of the corpus, e.g. event {event!r} of "
                f"{device!r}: stored {labels.get((device, event))!r}, "
                f"corpus {expected.get((device, event))!r}",
                fix="use the corpus with the record's fingerprint, or discard the record",
            )


def require_same_logits(stored: StoredLogits, found: NDArray[np.float32]) -> None:
    """Refuse logits that the weights do not give again (V2); found: [clip, class] as stored."""
    import numpy as np

    if found.shape != stored.logits.shape or not np.isfinite(found).all():
        raise CheckError(
            f"the weights give logits of shape {found.shape}, stored are {stored.logits.shape}"
            if found.shape != stored.logits.shape
            else "the weights give logits that are not finite",
            fix="run it again with --force",
        )
    difference = float(np.abs(found.astype(np.float64) - stored.logits).max())
    share = float((found.argmax(axis=1) == stored.logits.argmax(axis=1)).mean())
    if difference > TOLERANCE or share < SAME_CLASS_SHARE:
        raise CheckError(
            f"the weights give other logits: up to {difference:.2g} apart "
            f"(allowed {TOLERANCE:g}), same class in {share:.2%} of clips "
            f"(asked {SAME_CLASS_SHARE:.1%})",
            fix="the weights are not those of the record, or the machine differs: run with --force",
        )


def _same(said: object, found: object, what: str) -> None:
    if said != found:
        raise CheckError(
            f"{what}: {str(said)[:120]} is not {str(found)[:120]}", fix="restore the record"
        )


def _same_fields(said: Strict, found: Strict, where: str) -> None:
    """Refuse two models that differ, naming the first field that does."""
    fields = type(said).model_fields
    for name in fields:
        _same_value(getattr(said, name), getattr(found, name), f"{where}.{name}")


def _same_value(said: object, found: object, where: str) -> None:
    if said != found:
        raise CheckError(
            f"{where} is {str(said)[:80]}, recomputed {str(found)[:80]}",
            fix="the record was changed after it was written: restore it",
        )
