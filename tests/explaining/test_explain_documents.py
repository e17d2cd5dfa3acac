"""Documents of `devbench explain` check themselves; a newer schema is refused, a picture drawn."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from pydantic import ValidationError

from devbench.errors import DataError
from devbench.explaining.documents import (
    Estimate,
    Information,
    keep,
)
from devbench.explaining.picture import alternative, draw_information
from devbench.models import read_document
from devbench.results.figures import render
from helpers.explained import made_up_information


@pytest.fixture
def document() -> Information:
    return made_up_information()


def test_means_over_seeds(document: Information) -> None:
    estimate = document.layers[0].measured[0].estimate
    assert (estimate.nats, estimate.accuracy) == (0.375, 0.875)
    assert estimate.nats_sd == pytest.approx(0.25 / math.sqrt(2))
    assert Estimate.of(estimate.seeds[:1]).nats_sd == 0
    with pytest.raises(ValidationError, match="mean over the seeds"):
        Estimate.model_validate(estimate.model_dump() | {"nats": 0.4})


def test_the_file_says_the_same_and_a_newer_one_is_refused(
    document: Information, tmp_path: Path
) -> None:
    path = keep(document, tmp_path)
    assert path == tmp_path / "diagnosis" / ("0" * 64) / "information.json"
    assert read_document(path, Information, schema=1) == document
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    path.write_bytes(document.to_json().replace(b'"schema": 1', b'"schema": 2'))
    with pytest.raises(DataError, match="schema 2 is newer"):
        read_document(path, Information, schema=1)
    path.write_bytes(document.to_json().replace(b'"seed": 0', b'"sead": 0'))
    with pytest.raises(DataError):
        read_document(path, Information, schema=1)


def test_the_picture_has_words(document: Information) -> None:
    words = alternative(document)
    svg = render(lambda: draw_information([document, document]), words)["svg"].decode()
    assert "first channel-wise 0.38 nats, accuracy 0.88" in words
    assert words in " ".join(svg.split())
