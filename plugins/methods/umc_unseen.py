"""UMC for a device whose clips the converter never saw: trained on all the others."""

from __future__ import annotations

from collections.abc import Sequence

from devbench import MethodSpec, SideInformation

from ..converters.offering import offered
from ..converters.unified_method import NEEDS, SyntheticConversion, UnifiedConversion
from .umc_plus import CHANGES

REFERENCE = "after Unified Microphone Conversion (arXiv 2410.18322); not reported there"


class UnseenUMCReal(UnifiedConversion):
    """umc-plus-real whose converter never saw the target's clips; options as there.

    How loud the target records is not known either: levels are drawn.
    """

    changes = CHANGES
    keeps_half = True
    knows_level = False

    def devices(self, side: SideInformation) -> Sequence[str]:
        """Return every device but the target; of that one, only the response is used, later."""
        return _others(side)


class UnseenUMCSynth(SyntheticConversion):
    """umc-plus-synth whose converter never saw the target at all; options as there."""

    changes = CHANGES
    keeps_half = True

    def devices(self, side: SideInformation) -> Sequence[str]:
        """Return every device but the target, of which nothing is used."""
        return _others(side)


def _others(side: SideInformation) -> list[str]:
    return [name for name in side.devices if name not in side.targets]


real = offered(
    MethodSpec(
        name="umc-unseen-real", build=UnseenUMCReal, needs=NEEDS, per_target=True,
        reference=REFERENCE,
    )
)  # fmt: skip
synth = offered(
    MethodSpec(
        name="umc-unseen-synth", build=UnseenUMCSynth, needs=NEEDS, per_target=True,
        reference=REFERENCE,
    )
)  # fmt: skip
