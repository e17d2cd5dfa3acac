"""UMC with a FiLM encoder that sees how large the FR difference is."""

from __future__ import annotations

from devbench import MethodSpec

from ..converters.offering import offered
from ..converters.unified_method import NEEDS, SyntheticConversion, UnifiedConversion

REFERENCE = "after Unified Microphone Conversion (arXiv 2410.18322)"

# InstanceNorm in the encoder takes the size of a difference away.
CHANGES = {"film_norm": "none"}


class ScaleUMCReal(UnifiedConversion):
    """umc-real with an encoder that sees the size of a difference; options as there."""

    changes = CHANGES


class ScaleUMCSynth(SyntheticConversion):
    """umc-synth with an encoder that sees the size of a difference; options as there."""

    changes = CHANGES


real = offered(
    MethodSpec(name="umc-scale-real", build=ScaleUMCReal, needs=NEEDS, reference=REFERENCE)
)
synth = offered(
    MethodSpec(name="umc-scale-synth", build=ScaleUMCSynth, needs=NEEDS, reference=REFERENCE)
)
