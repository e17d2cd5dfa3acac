from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devbench.contract.names import is_name
from devbench.corpora.slugs import slug
from devbench.errors import ConfigurationError

DEVICES = Path(__file__).parents[3] / "shared/data/device_irs/devices.csv"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("micirp_Lomo52A5M", "micirp-lomo52a5m"),
        ("phone_nexus_one_mic", "phone-nexus-one-mic"),
        ("micirp_FosterDynamicDF1", "micirp-foster-dynamic-df1"),
        ("micirp_OktavaMD57", "micirp-oktava-md57"),
        ("micirp_Shure510C", "micirp-shure510c"),
        ("micirp_ResloDynamic", "micirp-reslo-dynamic"),
        ("micirp_Toshiba_BK5", "micirp-toshiba-bk5"),
        ("micirp_BBCmarconi_B", "micirp-bbcmarconi-b"),
        ("micirp_RCA_KU3a_1", "micirp-rca-ku3a-1"),
        ("crackling_fire", "crackling-fire"),
        (" B&O  BM6 ", "b-o-bm6"),
        ("iPhone 14", "iphone-14"),
        ("door_eBell", "door-ebell"),
    ],
)
def test_slugs(text: str, expected: str) -> None:
    assert slug(text) == expected


def test_every_measured_device_gets_its_own_name() -> None:
    if not DEVICES.exists():
        pytest.skip("the shared data folder is not there")
    with DEVICES.open(newline="", encoding="utf-8") as file:
        ids = [row["id"] for row in csv.DictReader(file)]
    names = [slug(device) for device in ids]
    assert len(ids) == 64
    assert len(set(names)) == 64
    for device, name in zip(ids, names, strict=True):
        assert name.replace("-", "") == device.replace("_", "").lower()  # nothing lost, or added


@given(st.text(max_size=80))
def test_a_slug_is_a_name_and_stays_itself(text: str) -> None:
    try:
        name = slug(text)
    except ConfigurationError as error:
        assert "fix" in str(error)
    else:
        assert is_name(name)
        assert slug(name) == name
