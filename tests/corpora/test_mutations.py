"""Damaged inputs in small; tests/campaigns/mutations.py does thousands."""

from __future__ import annotations

from pathlib import Path

from helpers.mutations import KINDS, Bench, run_mutations


def test_damaged_inputs_are_read_right_or_refused_by_name(tmp_path: Path) -> None:
    tally = run_mutations(Bench(tmp_path / "bench"), 90, seed=1)
    assert tally.faults == []
    assert all(tally.counts[f"{kind} refused"] > 5 for kind in KINDS)
