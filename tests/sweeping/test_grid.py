"""Grids: what texts stand for, which runs they are, in which order, under which name."""

from __future__ import annotations

import pytest

from devbench.errors import UnknownNameError, UsageError
from devbench.files import parse_json, pretty_json
from devbench.models import validated
from devbench.sweeping.grid import Grid, names, numbers, owned
from devbench.sweeping.local import gpu_of


def grid(**changes: object) -> Grid:
    values: dict[str, object] = {
        "benchmark": "sim7",
        "methods": ["baseline", "gain"],
        "sources": ["ipad7", "lggram"],
        "seeds": [0, 1],
        "folds": [0],
        "backbones": [None],
        "frontends": [None],
        "budget": "quick",
        "settings": {},
        "threads": 2,
    }
    return Grid.model_validate({**values, **changes})


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", [0]), ("0-4", [0, 1, 2, 3, 4]), ("3,0-1", [3, 0, 1]), ("0-2,1-3", [0, 1, 2, 3])],
)
def test_numbers(text: str, expected: list[int]) -> None:
    assert numbers(text, "--seeds") == expected


@pytest.mark.parametrize("text", ["", "a", "-1", "4-0", "0,,1", "0-99999999", "1.5", "٣-٤-"])
def test_what_is_no_list_of_numbers_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--seeds"):
        numbers(text, "--seeds")


def test_names_are_known_and_none_is_twice() -> None:
    known = ["baseline", "gain", "noise"]
    assert names("all", known, "method", list_command="x") == known
    assert names("gain, baseline,gain", known, "method", list_command="x") == ["gain", "baseline"]
    with pytest.raises(UnknownNameError, match="baseline"):
        names("basline", known, "method", list_command="x")
    with pytest.raises(UsageError):
        names(" , ", known, "method", list_command="x")


def test_a_grid_is_every_combination_once_and_whole_rows_come_first() -> None:
    requests = list(grid().requests())
    assert len(requests) == grid().n_cells == len(set(requests)) == 8
    assert [r.seed for r in requests] == [0] * 4 + [1] * 4
    assert [r.method for r in requests[:4]] == ["baseline", "baseline", "gain", "gain"]


def test_the_same_grid_has_the_same_name_also_when_read_again() -> None:
    document = parse_json(pretty_json(grid().model_dump(mode="json")), origin="grid")
    again = validated(Grid, document, origin="grid")
    assert again == grid()
    assert again.sweep_id == grid().sweep_id != grid(seeds=[0]).sweep_id


def test_settings_reach_those_they_are_for() -> None:
    settings = owned(["gain.probability=1", "backbone.width=8", "probability=0.5"], ["gain"])
    asked = grid(settings=settings)
    assert asked.settings_of("gain") == ("probability=0.5", "probability=1", "backbone.width=8")
    assert asked.settings_of("baseline") == ("probability=0.5", "backbone.width=8")
    with pytest.raises(UsageError, match="no method of this sweep"):
        owned(["nois.probability=1"], ["gain"])


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        (None, ["0", "1", "0"]),
        ("", ["0", "1", "0"]),
        ("2,3", ["2", "3", "2"]),
        ("GPU-8932f937, GPU-1a2b", ["GPU-8932f937", "GPU-1a2b", "GPU-8932f937"]),
        ("5,4,-1,3", ["5", "4", "5"]),
    ],
)
def test_slots_take_turns_on_the_gpus_that_the_user_shows(
    visible: str | None, expected: list[str]
) -> None:
    """The driver counts two; a GPU that the user left out is somebody else's."""
    assert [gpu_of(slot, 2, visible) for slot in range(3)] == expected
