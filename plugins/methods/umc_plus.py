"""The best unified converter: level- and scale-aware, anchored to band-wise transport."""

from __future__ import annotations

from devbench import MethodSpec

from ..converters.offering import offered
from ..converters.unified_method import NEEDS, SyntheticConversion, UnifiedConversion

REFERENCE = "after Unified Microphone Conversion (arXiv 2410.18322)"

# Level and size are seen, every second clip is left, and what the discriminators leave open
# (gain, noise floor) is tied to the band-wise transport of the clips. There are no synthetic
# differences in training: they teach the generator that a difference it does not know changes the
# response and no more, while random devices should differ in gain and noise floor as real ones
# do.
CHANGES = {
    "skip": True,
    "informed": True,
    "norm": "none",
    "critic_norm": "none",
    "film_norm": "none",
    "cycle_weight": 1.0,
    "transport_weight": 10.0,
}


class PlusUMCReal(UnifiedConversion):
    """The best unified converter, by measured differences; options of umc-real."""

    changes = CHANGES
    keeps_half = True


class PlusUMCSynth(SyntheticConversion):
    """The best unified converter, by random differences; options of umc-synth."""

    changes = CHANGES
    keeps_half = True


real = offered(
    MethodSpec(name="umc-plus-real", build=PlusUMCReal, needs=NEEDS, reference=REFERENCE)
)
synth = offered(
    MethodSpec(name="umc-plus-synth", build=PlusUMCSynth, needs=NEEDS, reference=REFERENCE)
)
