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
STROKES = bursts((4, 5), (0.09, 0.13), (0.03, 0.06), (0.03, 0.05))

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
    "wind": Rushing(colour((250, 450), width=0.7), gust_hz=(2, 5), gust_db=(2.5, 4.5)),
    "stream": Crackling(colour((650, 950), width=0.5), (350, 800), (0.003, 0.006), bed_db=-6),
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
    # The other 55 of sim7-75. Struck:
    "ball-bounce": Struck((110, 180), DRUM, 0.05, (0.04, 0.08), hits=(2, 4),
                          interval_s=(0.16, 0.26), click_db=-14),
    "bottle": Struck((700, 1000), (1.0, 2.4), 0.03, (0.06, 0.12), click=colour((2500, 4000)),
                     click_db=-10),
    "coin": Struck((3600, 5200), PLATE[:4], 0.04, (0.05, 0.1), click_db=-10, hits=(2, 5),
                   interval_s=(0.07, 0.14)),
    "cup": Struck((1100, 1600), (1.0, 1.6, 2.7, 4.4), 0.04, (0.03, 0.06), click_db=-8, hits=(1, 2),
                  interval_s=(0.25, 0.4)),
    "door-slam": Struck((60, 100), DRUM, 0.08, (0.05, 0.1), click=colour((300, 600)),
                        click_db=-2, click_s=(0.03, 0.07)),
    "drum": Struck((140, 220), DRUM, 0.04, (0.1, 0.2), click_db=-12, hits=(1, 2),
                   interval_s=(0.3, 0.4)),
    "finger-snap": Struck((1500, 2100), (1.0, 1.4), 0.06, (0.006, 0.012),
                          click=colour((1800, 2600)), click_db=0, hits=(1, 2),
                          interval_s=(0.35, 0.5)),
    "gong": Struck((160, 260), PLATE, 0.03, (0.4, 0.8), click_db=-20),
    "hammer": Struck((800, 1200), BAR, 0.05, (0.02, 0.04), click=colour((1800, 3000)),
                     click_db=-4, hits=(2, 3), interval_s=(0.28, 0.4)),
    "hand-clap": Struck((900, 1300), (1.0, 1.5), 0.1, (0.004, 0.008), click=colour((1000, 1500)),
                        click_db=4, click_s=(0.008, 0.02), hits=(2, 4), interval_s=(0.18, 0.3)),
    "keyboard": Struck((1900, 2800), (1.0, 1.5), 0.1, (0.003, 0.006), click=colour((2500, 4000)),
                       click_db=0, hits=(5, 8), interval_s=(0.08, 0.13)),
    "marimba": Struck((300, 520), BAR[:3], 0.01, (0.1, 0.2), click_db=-20, hits=(1, 2),
                      interval_s=(0.25, 0.4)),
    "mouse-click": Struck((2600, 3600), (1.0, 1.3), 0.05, (0.002, 0.004),
                          click=colour((4000, 6000)), click_db=2, click_s=(0.001, 0.003),
                          hits=(2, 2), interval_s=(0.09, 0.14)),
    "pan": Struck((420, 700), PLATE, 0.06, (0.12, 0.25), click=colour((2000, 3500)), click_db=-8),
    "plucked-string": Struck((180, 320), STRING, 0.002, (0.25, 0.5), damping=0.8, click_db=-22),
    "triangle": Struck((3200, 4600), BAR[:3], 0.03, (0.3, 0.6), click_db=-20),
    "woodblock": Struck((800, 1250), (1.0, 2.6), 0.04, (0.012, 0.025), click_db=-12, hits=(2, 4),
                        interval_s=(0.15, 0.26)),
    # Noise with a colour:
    "breath": Rushing(colour((1200, 1800)), bursts((1, 2), (0.28, 0.4), (0.1, 0.2), (0.08, 0.15))),
    "broom": Rushing(colour((3600, 5200)), STROKES),
    "cough": Rushing(colour((500, 800), (1500, 2100)),
                     bursts((1, 3), (0.1, 0.18), (0.1, 0.2), (0.004, 0.01))),
    "sandpaper": Rushing(colour((5500, 7500), width=0.3), STROKES),
    "sea-wave": Rushing(colour((500, 800), width=0.6),
                        bursts((1, 1), (0.6, 0.85), (0.1, 0.2), (0.25, 0.4))),
    "sneeze": Rushing(colour((3000, 4200)), bursts((1, 1), (0.2, 0.35), (0.1, 0.2), (0.03, 0.08))),
    "spray": Rushing(colour((5500, 8000), width=0.3),
                     bursts((1, 2), (0.2, 0.35), (0.06, 0.12), (0.01, 0.02))),
    "steam": Rushing(colour((2600, 3800), width=0.3), gust_db=(0.5, 1.5)),
    "thunder": Rushing(colour((90, 160), width=0.6),
                       bursts((1, 2), (0.4, 0.6), (0.05, 0.1), (0.02, 0.06)), gust_db=(4, 7)),
    "waterfall": Rushing(colour((1300, 1900), width=0.7), gust_db=(0.5, 1.5)),
    # Many small impacts:
    "applause": Crackling(colour((1100, 1600), width=0.5), (120, 260), (0.003, 0.006)),
    "fire": Crackling(colour((400, 700), width=0.6), (25, 60), (0.001, 0.003), 9, -10),
    "frying": Crackling(colour((4500, 6500), width=0.5), (400, 900), (0.0005, 0.001), 7, -12),
    "gravel": Crackling(colour((2600, 3800)), (150, 350), (0.002, 0.004), rhythm=STROKES),
    "hail": Crackling(colour((3200, 4600)), (120, 260), (0.001, 0.002), 7),
    "paper": Crackling(colour((3600, 5200)), (300, 600), (0.0008, 0.002), 9, rhythm=SYLLABLES),
    "popcorn": Crackling(colour((800, 1200)), (14, 30), (0.004, 0.008), 5, -26),
    # Pulses through a colour:
    "cat": Humming((420, 620), colour((1200, 1700), (2600, 3400)), (-0.5, 0.5),
                   rhythm=bursts((1, 1), (0.5, 0.75), (0.1, 0.2), (0.06, 0.12))),
    "chainsaw": Humming((95, 150), colour((1800, 2600), (4200, 5600)), roughness_db=4.0,
                        breath_db=(-12, -8)),
    "cow": Humming((90, 150), vowel(350, 700, 2200), (0.1, 0.5),
                   rhythm=bursts((1, 1), (0.55, 0.8), (0.1, 0.2), (0.08, 0.15))),
    "crow": Humming((260, 380), colour((1400, 2000)), roughness_db=5.0, breath_db=(-12, -8),
                    rhythm=bursts((1, 2), (0.2, 0.32), (0.1, 0.2))),
    "dog-bark": Humming((300, 480), colour((700, 1050)), (-0.8, -0.3), roughness_db=3.0,
                        rhythm=bursts((2, 3), (0.09, 0.15), (0.12, 0.22))),
    "electric-shaver": Humming((100, 130), colour((3000, 4200)), (-0.02, 0.02), jitter=0.003),
    "fridge": Humming((48, 62), colour((180, 260)), (-0.01, 0.01), jitter=0.002),
    "frog": Humming((60, 90), colour((800, 1200)), rhythm=bursts((2, 3), (0.14, 0.24), (0.1, 0.2))),
    "helicopter": Humming((13, 20), colour((120, 200), (600, 900)), (-0.02, 0.02),
                          breath_db=(-10, -6)),
    "mosquito": Humming((480, 680), colour((1300, 1900)), (-0.3, 0.3), jitter=0.02),
    "motorbike": Humming((60, 110), colour((350, 500), (1300, 1900)), (0.3, 0.9), roughness_db=3.0),
    "speech-child": Humming((280, 420), vowel(850, 2100, 3400), (-0.4, 0.4), rhythm=SYLLABLES),
    "vacuum-cleaner": Humming((200, 300), colour((500, 750), width=0.8), (-0.01, 0.01),
                              breath_db=(-4, 2)),
    # Tones:
    "car-horn": Singing((380, 480), bursts((1, 2), (0.3, 0.45), (0.08, 0.14)),
                        harmonics_db=(0, -2, -4, -6, -9, -12)),
    "cricket": Singing((4300, 5600), bursts((6, 9), (0.03, 0.045), (0.03, 0.045)),
                       harmonics_db=(0,)),
    "doorbell": Singing((620, 820), bursts((2, 2), (0.28, 0.36), (0.02, 0.05)),
                        harmonics_db=(0, -14, -10)),
    "flute": Singing((500, 900), warble_octaves=(0.01, 0.03), harmonics_db=(0, -8, -18),
                     breath=colour((1500, 2500)), breath_db=-22),
    "kettle": Singing((2400, 3300), sweep_octaves=(0.1, 0.3), harmonics_db=(0, -16),
                      breath=colour((4000, 6000)), breath_db=-8),
    "owl": Singing((340, 480), bursts((2, 3), (0.16, 0.26), (0.08, 0.14), (0.03, 0.06)),
                   harmonics_db=(0, -26)),
    "phone-ring": Singing((1150, 1500), warble_hz=(18, 26), warble_octaves=(0.12, 0.2),
                          harmonics_db=(0, -8, -14)),
    "reversing-truck": Singing((1000, 1300), bursts((1, 2), (0.3, 0.4), (0.25, 0.35)),
                               harmonics_db=(0, -6, -16)),
}  # fmt: skip
