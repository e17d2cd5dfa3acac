"""UMC that sees level: the generator adds to input + difference, and no norm hides either.

The difference holds how much louder one device records, too.
"""

from __future__ import annotations

from devbench import MethodSpec

from ..converters.offering import offered
from ..converters.unified_method import NEEDS, SyntheticConversion, UnifiedConversion

REFERENCE = "after Unified Microphone Conversion (arXiv 2410.18322)"

# A cycle loss of weight 10 holds a generator that starts at a perfect cycle where it is.
CHANGES = {"skip": True, "norm": "none", "critic_norm": "none", "cycle_weight": 1.0}


class LevelUMCReal(UnifiedConversion):
    """umc-real with a generator that sees and keeps level; options as there."""

    changes = CHANGES


class LevelUMCSynth(SyntheticConversion):
    """umc-synth with a generator that sees and keeps level; options as there."""

    changes = CHANGES


real = offered(
    MethodSpec(name="umc-level-real", build=LevelUMCReal, needs=NEEDS, reference=REFERENCE)
)
synth = offered(
    MethodSpec(name="umc-level-synth", build=LevelUMCSynth, needs=NEEDS, reference=REFERENCE)
)
