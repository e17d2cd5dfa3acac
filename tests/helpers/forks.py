"""Jobs in forked children at once, after what they share was imported."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable

from devbench.tracking.address import quiet


def in_children(jobs: Iterable[Callable[[], None]]) -> bool:
    """Run each job in a child of its own, all at once; return whether all ended well."""
    children = []
    for job in jobs:
        child = os.fork()
        if child == 0:
            try:
                job()
                os._exit(0)
            except BaseException as error:
                print(repr(error), file=sys.stderr, flush=True)
                os._exit(1)
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    return not any(codes)


def import_mlflow() -> None:
    """Import MLflow once, so that all children reach the store at once."""
    with quiet():
        from mlflow import MlflowClient  # noqa: F401
