"""A Ray cluster: joining one that runs already, and how many runs it has room for."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TextIO, cast

from devbench.errors import ConfigurationError, UsageError

PATIENCE_S = 15.0
"""How long a cluster may take to answer when the sweep begins."""
FIX_RAY = "pip install 'devbench[ray]', on every node"
_PROBE = (
    "import logging, sys, ray; "
    "ray.init(address=sys.argv[1], log_to_driver=False, logging_level=logging.ERROR)"
)


@dataclass(frozen=True, slots=True)
class Share:
    """What one run takes of a node. n_cpus: its threads; n_gpus: a fraction, or a whole number."""

    n_cpus: int
    n_gpus: float = 0.0

    def __post_init__(self) -> None:
        if self.n_gpus > 1 and self.n_gpus != int(self.n_gpus):
            raise UsageError(
                f"--gpus-per-run {self.n_gpus:g} is neither a fraction of one GPU nor a number of "
                "GPUs",
                fix="write --gpus-per-run 0.5, 1 or 2, for instance",
            )

    def fits(self, resources: Mapping[str, float]) -> int:
        """Return how many runs a node with these resources has room for."""
        n = int(resources.get("CPU", 0) // self.n_cpus)
        gpus = int(resources.get("GPU", 0))
        if 0 < self.n_gpus <= 1:
            n = min(n, gpus * int(1 / self.n_gpus + 1e-9))  # 1 / 0.1 may lie below 10
        elif self.n_gpus:
            n = min(n, gpus // int(self.n_gpus))
        return n


@contextlib.contextmanager
def connected(address: str) -> Iterator[None]:
    """Join the cluster at HOST:PORT, or the one of this machine ("auto"), for as long as it lasts.

    Raises ConfigurationError where Ray is not installed, or no cluster answers within PATIENCE_S.
    """
    if "://" in address:
        raise UsageError(
            f"--ray {address[:80]!r} is no address of a node",
            fix="start the sweep on a machine of the cluster: --ray auto, or --ray HOST:PORT",
        )
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        import ray
    except ImportError as error:
        raise ConfigurationError("Ray is not installed here", fix=FIX_RAY) from error
    import logging

    _require_answer(address)
    ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    stdout = sys.stdout
    try:
        sys.stdout = cast("TextIO", _MainThreadOnly(stdout))
        yield
    finally:
        sys.stdout = stdout
        ray.shutdown()


class _MainThreadOnly:
    """Standard output without what a thread of Ray prints there about nodes that were lost."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write what the main thread says, and nothing else."""
        if threading.current_thread() is threading.main_thread():
            return self._stream.write(text)
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _require_answer(address: str) -> None:
    """Join the cluster in another process first: Ray itself waits minutes for one that is gone."""
    fix = "look with ray status, or start one: ray start --head --include-dashboard=false"
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROBE, address],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
    except subprocess.TimeoutExpired as error:
        raise ConfigurationError(
            f"no Ray cluster answers at {address[:80]!r} within {PATIENCE_S:g} s", fix=fix
        ) from error
    if done.returncode:
        raise ConfigurationError(
            f"no Ray cluster at {address[:80]!r}: {_last_words(done.stderr)}", fix=fix
        )


def _last_words(text: str) -> str:
    """Return the message at the end of a traceback, which may have several lines."""
    found = re.split(r"^[\w.]*(?:Error|Exception): ", text, flags=re.MULTILINE)
    return " ".join(found[-1].split())[:300] or "it said nothing"


def rooms(share: Share) -> dict[str, int]:
    """Return for how many runs each node that is alive has room, by the name of the node."""
    import ray

    return {
        node_name(node["NodeManagerHostname"], node["NodeID"]): share.fits(node["Resources"])
        for node in ray.nodes()
        if node["Alive"]
    }


def node_name(host: str, node_id: str) -> str:
    """Return what a node is called in messages: several may be on one host."""
    return f"{host} (Ray node {node_id[:8]})"


def require_slots(share: Share) -> int:
    """Return how many runs fit at once; ConfigurationError where no node has room for one."""
    slots = sum(rooms(share).values())
    if slots == 0:
        raise ConfigurationError(
            f"no node of the cluster has {share.n_cpus} CPUs and {share.n_gpus:g} GPUs for a run",
            fix="give fewer --threads or --gpus-per-run; ray status shows what the nodes have",
        )
    return slots
