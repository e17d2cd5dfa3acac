"""The 75 classes by name; the 20 of sim7 are among them.

Neighbours in one family differ mostly in colour or pitch, so that a device that colours moves one
class towards another; ranges of neighbours do not meet, so that each device by itself can tell
them apart. All figures are choices, none is measured.
"""

from __future__ import annotations

from .families import Crackling, Humming, Rushing, Singing, Sound, Struck
from .shapes import Bump, Range, Rhythm, Spectrum

BELL = (0.5, 1.0, 1.19, 1.5, 2.0, 2.67, 3.0, 4.2)
BAR = (1.0, 2.76, 5.4, 8.93)
PLATE = (1.0, 1.52, 1.94, 2.37, 2.83, 3.46, 4.11, 5.2)
DRUM = (1.0, 1.59, 2.14, 2.3, 2.65)
STRING = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0)


def colour(*centres_hz: Range, width: float = 0.4, gain_db: float = 13.0) -> Spectrum:
    """Return a spectrum with equal bumps at those places."""
    return Spectrum(tuple(Bump(centre_hz, width, gain_db) for centre_hz in centres_hz))


def vowel(first_hz: float, second_hz: float, third_hz: float) -> Spectrum:
    """Return the colour of a vowel by its formants; speakers differ by a tenth either way."""
    formants = zip((first_hz, second_hz, third_hz), (19.0, 17.0, 14.0), strict=True)
    bumps = (Bump((0.93 * hz, 1.07 * hz), 0.13, gain_db) for hz, gain_db in formants)
    return Spectrum(tuple(bumps), (-7.0, -5.0))


def bursts(count: Range, length_s: Range, gap_s: Range, rise_s: Range = (0.005, 0.015)) -> Rhythm:
    """Return a rhythm of bursts."""
    return Rhythm(count, length_s, gap_s, rise_s)


SYLLABLES = bursts((2, 3), (0.14, 0.24), (0.03, 0.09), (0.015, 0.04))
STROKES = bursts((3, 5), (0.09, 0.14), (0.03, 0.07), (0.02, 0.05))

SIM7 = (
    "alarm",
    "bell",
    "bird",
    "clock-tick",
    "drill",
    "engine",
    "footsteps",
    "glass",
    "hiss",
    "insect",
    "knock",
    "rain",
    "saw",
    "siren",
    "speech-unvoiced",
    "speech-voiced",
    "stream",
    "water-drop",
    "whistle",
    "wind",
)

CATALOGUE: dict[str, Sound] = {
    # Struck: one hit or several on a body that rings.
    "knock": Struck((280, 480), (1.0, 1.8, 2.9), 0.06, (0.015, 0.03),
                    click=colour((900, 1500)), click_db=-8, hits=(2, 4), interval_s=(0.16, 0.28)),
    "footsteps": Struck((80, 160), (1.0, 2.3, 3.4), 0.08, (0.015, 0.035),
                        click=colour((1500, 2800), gain_db=12), click_db=-6, click_s=(0.015, 0.04),
                        hits=(2, 3), interval_s=(0.3, 0.42)),
    "clock-tick": Struck((2200, 3600), (1.0, 1.7, 2.6), 0.05, (0.003, 0.008),
                         click=colour((3500, 6000)), click_db=-4, hits=(2, 4),
                         interval_s=(0.2, 0.3)),
    "glass": Struck((1500, 2600), PLATE, 0.05, (0.05, 0.12),
                    click=colour((4000, 7000)), click_db=-8, click_s=(0.01, 0.04)),
    "bell": Struck((500, 1000), BELL, 0.02, (0.25, 0.6), click_db=-18),
    "water-drop": Struck((600, 1300), (1.0,), 0.02, (0.02, 0.05), chirp_octaves=(0.5, 1.1),
                         click=colour((1500, 3000)), click_db=-14, hits=(1, 3),
                         interval_s=(0.2, 0.4)),
    # Noise with a colour.
    "wind": Rushing(colour((250, 450), width=0.7), gust_hz=(2, 5), gust_db=(2, 4)),
    "stream": Crackling(colour((650, 950), width=0.5), (900, 2000), (0.002, 0.004), bed_db=-6),
    "rain": Crackling(colour((2000, 2900), width=0.5), (900, 2000), (0.001, 0.002), bed_db=-6),
    "hiss": Rushing(colour((4200, 6200), width=0.5), gust_db=(0.3, 1.0)),
    "speech-unvoiced": Rushing(colour((2600, 4200), width=0.4), SYLLABLES),
    "saw": Rushing(colour((1100, 1800), width=0.4), STROKES),
    # Pulses through a colour.
    "engine": Humming((50, 90), colour((160, 260), (500, 800)), roughness_db=2.0, jitter=0.02),
    "drill": Humming((80, 140), colour((900, 1400), (2600, 3600)), roughness_db=1.0),
    "speech-voiced": Humming((110, 220), vowel(600, 1300, 2500), (-0.4, 0.4), rhythm=SYLLABLES),
    "insect": Humming((130, 240), colour((3000, 4600), width=0.3), tremor_hz=(14, 24),
                      tremor_db=(3, 6)),
    # Tones.
    "siren": Singing((600, 1000), sweep_octaves=(0.5, 1.0), harmonics_db=(0, -8, -14, -20)),
    "alarm": Singing((1700, 2500), bursts((3, 5), (0.09, 0.14), (0.05, 0.09)),
                     harmonics_db=(0, -10, -12)),
    "bird": Singing((2800, 4400), bursts((3, 6), (0.05, 0.11), (0.04, 0.09)), (-1.0, 1.0)),
    "whistle": Singing((1100, 1700), warble_octaves=(0.0, 0.05), harmonics_db=(0, -24),
                       breath=colour((1800, 3000)), breath_db=-16),
}  # fmt: skip
