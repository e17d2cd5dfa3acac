"""What a plugin does beside its work: files it opens, frames it walks, functions it replaces.

Python is no sandbox, and none of this is one: it finds accidents and the common tricks, and says
what they are.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from devbench.registry import PluginRef
from devbench.running import guard

HEAP = ("gc.get_objects", "gc.get_referrers", "gc.get_referents")
LABELS = "labels.npy"
"""How labels are called in the folder of a run; the check puts such files into its own."""
STEPPED_OVER = ("inspect.py", "traceback.py")
WATCHED_ROOTS = ("devbench", "torch", "numpy", "sklearn", "random", "builtins", "math", "time")
LATE_ROOTS = ("sklearn.metrics", "devbench.")
DAY_S = 86_400.0


class Watch:
    """Keeps what was seen of the plugin in hand. Audit hooks cannot be removed again.

    opened: words of the tripwire; labels: words of where labels were looked for.
    """

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.labels: list[str] = []
        self._places: tuple[str, ...] = ()
        self._is_looking = False
        self._allow: guard.Allow | None = None

    def arm(self, refs: Iterable[PluginRef]) -> None:
        """Set the tripwire; torch must be there by now, for it looks around while it is loaded."""
        self._allow = guard.install(Path.cwd(), self.opened.append, plugins=refs)
        sys.addaudithook(self._see)

    def begin(self, ref: PluginRef) -> None:
        """Forget what was seen, and watch this plugin from now on."""
        self.opened.clear()
        self.labels.clear()
        self._places = _places_of(ref)

    def allow(self, folder: Path) -> None:
        """Let the plugin read a folder that was given to it."""
        if self._allow is not None:
            self._allow(folder)

    def _see(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            name = args[0]
            if isinstance(name, str | os.PathLike) and os.fsdecode(name).endswith(LABELS):
                self.labels.append(f"opened {os.fsdecode(name)!r}")
        elif (event in HEAP or event == "sys._getframe") and not self._is_looking:
            self._is_looking = True
            try:
                frame = sys._getframe(1)
                while frame is not None and frame.f_code.co_filename.endswith(STEPPED_OVER):
                    frame = frame.f_back  # type: ignore[assignment]
                if frame is not None and frame.f_code.co_filename.startswith(self._places):
                    self.labels.append(f"{event} in line {frame.f_lineno}")
            finally:
                self._is_looking = False


def _places_of(ref: PluginRef) -> tuple[str, ...]:
    """Return the file of a plugin, or the folder of its package, as frames name them."""
    if ref.file:
        return (ref.file,)
    top = ref.value.partition(":")[0].partition(".")[0]
    spec = importlib.util.find_spec(top)
    if spec is None:
        return ()
    folders = tuple(f"{folder}{os.sep}" for folder in spec.submodule_search_locations or ())
    return folders or ((spec.origin,) if spec.origin else ())


class Belongings:
    """Functions and settings that are not the plugin's, as they were.

    What the plugin put among them while it was imported is told too; it stays there, for what it
    replaced is gone.
    """

    def __init__(self, ref: PluginRef) -> None:
        import devbench.results.metrics  # noqa: F401 - what a cheat would like to patch

        file_module = f"devbench_file_plugin_{Path(ref.file).stem}"
        self._homes = frozenset({ref.value.partition(":")[0].partition(".")[0], file_module} - {""})
        self._before = _functions()
        self._replaced = [
            f"{owner}.{name}"
            for (owner, name), (_, value) in self._before.items()
            if _home_of(value) in self._homes
        ]
        self._settings = _settings()

    def changes(self) -> list[str]:
        """Return the names of what was changed by now; what was changed since is put back."""
        import torch

        found = list(self._replaced)
        for (owner, name), (place, value) in self._before.items():
            now = _held(place).get(name)
            if now is not value and _home_of(now) != owner.partition(".")[0]:
                found.append(f"{owner}.{name}")
                setattr(place, name, value)
        found += _strangers({owner for owner, _ in self._before}, self._homes)
        settings = _settings()
        found += [name for name, value in self._settings.items() if settings[name] != value]
        if settings != self._settings:
            torch.set_num_threads(self._settings["torch.get_num_threads()"])
            torch.set_default_dtype(self._settings["torch.get_default_dtype()"])
            torch.set_grad_enabled(self._settings["torch.is_grad_enabled()"])
            os.chdir(self._settings["the working folder"])
        return found


def _home_of(value: Any) -> str:
    """Return the top package that a function was written in; a library may replace its own.

    functools.wraps copies __module__, so that the globals are asked first.
    """
    scope = getattr(value, "__globals__", None)  # of a class it may be a descriptor
    name = scope.get("__name__") if isinstance(scope, dict) else None
    return str(name or getattr(value, "__module__", "")).partition(".")[0]


def _held(place: Any) -> Mapping[str, Any]:
    found: Mapping[str, Any] = vars(place)
    return found


def _functions() -> dict[tuple[str, str], tuple[Any, Any]]:
    """Return (module or class, value) of every function and class, by owner and name."""
    import torch

    places: dict[str, Any] = {
        name: module
        for name, module in sys.modules.items()
        if name.partition(".")[0] in WATCHED_ROOTS and isinstance(module, types.ModuleType)
    }
    places |= {"torch.Tensor": torch.Tensor, "torch.nn.Module": torch.nn.Module}
    return {
        (owner, name): (place, value)
        for owner, place in places.items()
        for name, value in list(vars(place).items())
        if callable(value) and not name.startswith("_late")
    }


def _strangers(known: set[str], homes: frozenset[str]) -> list[str]:
    """Return functions of the plugin in modules that were loaded since."""
    found = []
    for name, module in list(sys.modules.items()):
        if name in known or not name.startswith(LATE_ROOTS):
            continue
        for key, value in list(vars(module).items()):
            if isinstance(value, types.FunctionType) and _home_of(value) in homes:
                found.append(f"{name}.{key}")
    return found


def _settings() -> dict[str, Any]:
    import torch

    return {
        "torch.get_num_threads()": torch.get_num_threads(),
        "torch.get_default_dtype()": torch.get_default_dtype(),
        "torch.is_grad_enabled()": torch.is_grad_enabled(),
        "torch.are_deterministic_algorithms_enabled()": (
            torch.are_deterministic_algorithms_enabled()
        ),
        "the working folder": os.getcwd(),  # noqa: PTH109 - compared as text
    }


@contextmanager
def another_day(days: float = 400.0) -> Iterator[None]:
    """Let the clocks of the module time show another day."""
    import time

    def later(clock: Callable[[], float], shift: float) -> Callable[[], float]:
        return lambda: clock() + shift

    def later_ns(clock: Callable[[], int], shift: int) -> Callable[[], int]:
        return lambda: clock() + shift

    shift_s = days * DAY_S + 3.141
    shift_ns = round(shift_s * 1e9)
    names = ("time", "monotonic", "perf_counter")
    kept = {name: getattr(time, name) for stem in names for name in (stem, f"{stem}_ns")}
    for stem in names:
        setattr(time, stem, later(kept[stem], shift_s))
        setattr(time, f"{stem}_ns", later_ns(kept[f"{stem}_ns"], shift_ns))
    try:
        yield
    finally:
        for name, clock in kept.items():
            setattr(time, name, clock)


def scramble(seed: int) -> None:
    """Seed the global generators: code that seeds them itself then leaves a trace."""
    import random

    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    torch.manual_seed(seed)


def random_states() -> tuple[Any, Any, bytes]:
    """Return the states of Python's, NumPy's and torch's global generators."""
    import random

    import numpy as np
    import torch

    numpy_state = np.random.get_state()  # noqa: NPY002 - looked at, not drawn from
    held = (numpy_state[0], numpy_state[1].tobytes(), *numpy_state[2:])  # type: ignore[index]
    return random.getstate(), held, torch.get_rng_state().numpy().tobytes()


def changed_states(before: tuple[Any, Any, bytes]) -> list[str]:
    """Return the names of the global generators whose state is another one now."""
    names = ("random", "numpy.random", "torch's default generator")
    pairs = zip(names, before, random_states(), strict=True)
    return [name for name, first, second in pairs if first != second]
