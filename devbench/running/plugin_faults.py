"""What a plugin raises in a worker, as one error that names it and the place."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import torch

from devbench.errors import DevbenchError, PluginError, RunError
from devbench.registry import PluginRef


@contextlib.contextmanager
def naming(ref: PluginRef, doing: str, here: Path) -> Iterator[None]:
    """Turn exceptions of a plugin into PluginError, those of memory into RunError.

    doing: what failed, such as "fit or training". here: folder of the worker's log.
    """
    try:
        yield
    except (DevbenchError, MemoryError):
        raise
    except torch.OutOfMemoryError as error:
        raise RunError(
            f"out of GPU memory: {str(error)[:200]}", fix="use a smaller budget", state="memory"
        ) from error
    except Exception as error:
        import traceback

        place = traceback.extract_tb(error.__traceback__)[-1]
        raise PluginError(
            f"{ref.kind} {ref.name!r} ({ref.origin}) failed in {doing}: "
            f"{type(error).__name__}: {str(error)[:200]} ({Path(place.filename).name}:"
            f"{place.lineno})",
            fix=f"mend the plugin; the whole traceback: {here / 'log.txt'}",
        ) from error
