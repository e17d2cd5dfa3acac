"""Public names made of the names that data sets use for their devices and classes."""

from __future__ import annotations

import re

from devbench.contract.names import is_name
from devbench.errors import ConfigurationError

_CAMEL = re.compile(r"(?<=[A-Za-z0-9][a-z])(?=[A-Z])")
_OTHER = re.compile(r"[^a-z0-9]+")


def slug(text: str) -> str:
    """Return text as a public name: 'micirp_FosterDynamicDF1' is 'micirp-foster-dynamic-df1'.

    The rule: a word ends before every sign that is no ASCII letter or digit, and between a
    lower-case letter and the capital that follows it, but not behind a first letter ('iPhone' stays
    one word); digits and runs of capitals never split ('Lomo52A5M' stays one word). All is
    lower-cased and joined by '-'.
    Raises ConfigurationError when nothing is left or the name is too long.
    """
    name = _OTHER.sub("-", _CAMEL.sub("-", text).lower()).strip("-")
    if not is_name(name):
        raise ConfigurationError(
            f"no name of at most 64 letters and digits can be made of {text[:80]!r}",
            fix="give it a name with ASCII letters or digits",
        )
    return name
