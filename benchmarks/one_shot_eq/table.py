"""Errors of settings, and the table that holds them beside the published ones."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from devbench import DataError
from devbench_plugins.equalisation.settings import BANDS, PARAMETERS, Grids

NAMES = {"proposed": "learned", "bl-linear": "linear", "bl-log": "log"}
"""Models as the published rows name them, and the comparisons that they are taken for."""
UNITS = {"gain": "dB", "frequency": "Hz", "q": "1"}
FIX = "give a CSV file with the columns model, band, parameter, mae and input_s"
LOWEST_HZ, N_POINTS = 85.0, 100

Published = Mapping[tuple[str, str, str, float], float]


@dataclass(frozen=True, slots=True)
class Figures:
    """Mean absolute errors, and their standard deviations over pairs, of one estimator.

    mean, sd: by "parameter band", of the likeliest classes. response_db: mean absolute error of
    their response, from 85 Hz to 0.45 of the rate, equally spaced in octaves; settings that differ
    may give the same. expected_response_db: that of the settings expected under the distributions.
    """

    mean: dict[str, float]
    sd: dict[str, float]
    response_db: float
    expected_response_db: float

    def document(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        return asdict(self)


def figures_of(
    found: torch.Tensor, truth: torch.Tensor, grids: Grids, *, expected: torch.Tensor | None = None
) -> Figures:
    """Return the errors of classes that were found, where there are others: [pair, 12] both.

    expected: expected settings [pair, 3, band]; None where there is no distribution.
    """
    values, wanted = grids.values(found), grids.values(truth)  # [pair, 3, band]
    errors = (values - wanted).abs().double()
    at_hz = torch.logspace(
        torch.tensor(LOWEST_HZ).log10().item(),
        torch.tensor(0.45 * grids.sample_rate_hz).log10().item(),
        N_POINTS,
    )
    wanted_db = grids.response_db(wanted, at_hz)

    def response_error(settings: torch.Tensor) -> float:
        return float((grids.response_db(settings, at_hz) - wanted_db).abs().mean())

    places = {
        f"{parameter} {band}": (p, b)
        for p, parameter in enumerate(PARAMETERS)
        for b, band in enumerate(BANDS)
    }
    return Figures(
        mean={name: float(errors[:, p, b].mean()) for name, (p, b) in places.items()},
        sd={name: float(errors[:, p, b].std(correction=0)) for name, (p, b) in places.items()},
        response_db=response_error(values),
        expected_response_db=response_error(values if expected is None else expected),
    )


def published(path: Path) -> Published:
    """Return published errors by comparison, band, parameter and length of input in seconds."""
    try:
        rows = list(csv.DictReader(path.read_text("utf-8").splitlines()))
        found = {
            (NAMES[row["model"]], row["band"], row["parameter"], float(row["input_s"])): float(
                row["mae"]
            )
            for row in rows
        }
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: no table of published errors: {error!r}", fix=FIX) from error
    if not found:
        raise DataError(f"{path}: no table of published errors: it is empty", fix=FIX)
    return found


def rendered(figures: Mapping[str, Figures], rows: Published, input_s: float) -> str:
    """Return a Markdown table: one row per setting, measured columns before published ones."""
    told = [
        name for name in NAMES.values() if any(key[0] == name and key[3] == input_s for key in rows)
    ]
    head = ["setting", *figures, *(f"{name}, published" for name in told)]
    lines = [_line(head), _line(["---"] * len(head))]
    for parameter in PARAMETERS:
        for band in BANDS:
            cells = [f"{parameter} {band}, {UNITS[parameter]}"]
            cells += [_number(f.mean[f"{parameter} {band}"]) for f in figures.values()]
            cells += [_number(rows.get((name, band, parameter, input_s))) for name in told]
            lines.append(_line(cells))
    ends = {
        "response, dB": [f.response_db for f in figures.values()],
        "response of expected settings, dB": [f.expected_response_db for f in figures.values()],
    }
    for name, values in ends.items():
        lines.append(_line([name, *map(_number, values), *("-" for _ in told)]))
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 20 else f"{value:.1f}"
