"""The settings of relevance propagation, apart: who writes them down needs no torch."""

from __future__ import annotations

EPSILON = 1e-9
GAMMA = 0.25
RULES = "epsilon 1e-9 first, last and before additions; gamma 0.25 before rectifiers"
