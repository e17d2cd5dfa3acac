"""Modules that are imported when something in them is first touched."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any


class Late(ModuleType):
    """A module that is imported when something in it is first touched.

    importlib's LazyLoader would load at the second `import`, which looks at `__spec__`.
    """

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
            importlib.import_module(self.__name__)
        return getattr(sys.modules[self.__name__], name)


def make_late(name: str) -> None:
    """Put a late module in the place of one that is not imported yet."""
    if name not in sys.modules and importlib.util.find_spec(name) is not None:
        sys.modules[name] = Late(name)


def is_late(name: str) -> bool:
    """Return whether a module stands there and nothing in it was touched."""
    return isinstance(sys.modules.get(name), Late)
