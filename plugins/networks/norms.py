"""Which normalisation a converter network has; apart, since it needs no torch."""

from __future__ import annotations

from typing import Literal

Norm = Literal["instance", "none"]
