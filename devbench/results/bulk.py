"""Reading thousands of records at once."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def many_objects() -> Iterator[None]:
    """Pause the garbage collector while many objects are made that stay.

    It would walk all of them again and again and find nothing: half of the time of a parse.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
