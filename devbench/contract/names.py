"""What a name may look like: plugins, benchmarks, devices, classes."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from devbench.errors import ConfigurationError, UnknownNameError

NAME_PATTERN = r"[a-z0-9]+(?:-[a-z0-9]+)*"
MAX_NAME_LENGTH = 64
_NAME = re.compile(NAME_PATTERN)


def is_name(text: str) -> bool:
    """Return whether text is a public name: lower-case words of letters and digits joined by -."""
    return len(text) <= MAX_NAME_LENGTH and _NAME.fullmatch(text) is not None


def require_name(kind: str, text: str) -> str:
    """Return text if it is a public name, else raise ConfigurationError."""
    if not is_name(text):
        raise ConfigurationError(
            f"{kind} name {text[:80]!r} is not allowed",
            fix=f"use at most {MAX_NAME_LENGTH} characters: lower-case words joined by '-'",
        )
    return text


def require_known(kind: str, name: str, known: Iterable[str], *, list_command: str) -> str:
    """Return name if it is known, else raise UnknownNameError with the nearest known names."""
    names = sorted(known)
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    if not near:  # a part of a long name is as good a hint as a typing error
        near = [other for other in names if name and (name in other or other in name)][:3]
    hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
    raise UnknownNameError(
        f"no {kind} named {name[:80]!r}", fix=f"{hint}(list them: {list_command})"
    )
