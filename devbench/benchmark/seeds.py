"""Seeds by purpose: methods share the data order and still differ in their own draws."""

from __future__ import annotations

import hashlib
import json


def seed_for(run_seed: int, *purpose: str | int) -> int:
    """Return a 63-bit seed that changes with run_seed and with every word of purpose."""
    digest = hashlib.sha256(json.dumps([run_seed, *purpose]).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
