"""Stores that write to one server at once, in many orders of their calls: nothing lost or twice.

test_team_server.py does it on a real server, where the order is the machine's.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from devbench.errors import TrackingError
from devbench.results.store import Store
from devbench.sweeping.asked import families
from devbench.tracking import mirror as mirroring
from devbench.tracking.address import Address
from devbench.tracking.content import (
    CLAIM_TAG,
    DIGEST_TAG,
    PARENT_TAG,
    RUN_ID_TAG,
    SWEEP_ID_TAG,
    content_of_record,
)
from devbench.tracking.mirror import Mirror
from devbench.tracking.parent import begun_sweep
from helpers.records import make_run
from helpers.sweeps import make_sweep
from helpers.turns import MemoryServer, Turns

N_ORDERS, N_STORES = 100, 4
SERVER = Address("http://server", Path("unused"), database=None, artifact_root=None, is_own=False)


def server(seed: int, monkeypatch: pytest.MonkeyPatch) -> MemoryServer:
    made = MemoryServer(Turns(seed), random.Random(seed))
    monkeypatch.setattr(mirroring.time, "sleep", made.sleep)
    return made


def test_every_order_of_calls_leaves_one_whole_run_under_one_parent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [make_run(seed=seed).record for seed in range(2)]
    store = Store(tmp_path)
    make_sweep(store, records)
    (family,) = families(store)
    for seed in range(N_ORDERS):
        held = server(seed, monkeypatch)

        def write(first: int, held: MemoryServer = held) -> None:
            mirror = Mirror(held, SERVER)  # type: ignore[arg-type]
            parent_id = mirror.open_parent(begun_sweep(family))
            for number in (first, 1 - first):
                mirror.write(content_of_record(records[number]), parent_id)

        jobs = [lambda first=n % 2: write(first) for n in range(N_STORES)]
        assert held.turns.run(jobs) == [], f"order {seed}"
        kept = {run_id: run.tags for run_id, run in held.runs.items() if run.is_active}
        parents = [run_id for run_id, tags in kept.items() if SWEEP_ID_TAG in tags]
        cells = [tags for tags in kept.values() if RUN_ID_TAG in tags]
        assert len(kept) == 3 and len(parents) == 1, f"order {seed}"
        assert sorted(tags[RUN_ID_TAG] for tags in cells) == sorted(r.run_id for r in records)
        assert all(DIGEST_TAG in tags and tags[PARENT_TAG] == parents[0] for tags in cells)


def test_a_claim_whose_maker_was_killed_stops_one_attempt_and_no_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = content_of_record(make_run().record)
    held = server(0, monkeypatch)
    mirror = Mirror(held, SERVER)  # type: ignore[arg-type]

    def attempts() -> None:
        held.create_run(content.experiment, 0, {CLAIM_TAG: content.run_id}, "killed")
        with pytest.raises(TrackingError, match="others keep writing"):
            mirror.write(content)
        assert mirror.write(content)
        assert not mirror.write(content)

    assert held.turns.run([attempts]) == []
    (kept,) = (run.tags for run in held.runs.values() if run.is_active)
    assert kept[RUN_ID_TAG] == content.run_id and DIGEST_TAG in kept
